package ebpf

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Missing is why eBPF cannot be used, and how to mend it.
type Missing struct {
	Reason, Fix string
	// Privilege: a right is missing, not the kernel's ability.
	Privilege bool
	err       error
}

func (m *Missing) Error() string {
	if m.Fix == "" {
		return m.Reason
	}
	return m.Reason + "; " + m.Fix
}

func (m *Missing) Unwrap() error { return m.err }

// host is what decides how an error is read.
type host struct{ root, types, locked bool }

func here() host {
	_, err := os.Stat("/sys/kernel/btf/vmlinux")
	b, _ := os.ReadFile("/sys/kernel/security/lockdown") // absent: there is no lockdown
	return host{root: os.Geteuid() == 0, types: err == nil, locked: strings.Contains(string(b), "[confidentiality]")}
}

// explain turns what the kernel said into what people can do.
func explain(err error, h host) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES):
		m := &Missing{Reason: "eBPF programs may not be loaded", Fix: "run as root, or: sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search,cap_sys_admin,cap_net_admin+ep $(command -v peerscope)", Privilege: true, err: err}
		if h.locked {
			m.Reason, m.Fix = "the kernel is locked down (confidentiality) and takes no eBPF program that reads kernel memory", "boot without lockdown=confidentiality, or use --source netlink"
		} else if h.root {
			m.Reason, m.Fix = "eBPF programs may not be loaded although this is root: "+firstLine(err), "in a container: docker run --privileged, or the capabilities CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN"
		}
		return m
	case errors.Is(err, ebpf.ErrNotSupported) && !h.types:
		return &Missing{Reason: "the kernel has no type information (/sys/kernel/btf/vmlinux)", Fix: "use a kernel with CONFIG_DEBUG_INFO_BTF=y, or --source netlink", err: err}
	case errors.As(err, &verifier):
		return &Missing{Reason: fmt.Sprintf("this kernel refuses a program: %s", firstLine(verifier)), Fix: "use --source netlink, and report this", err: err}
	}
	return &Missing{Reason: fmt.Sprintf("this kernel cannot run the programs: %s", firstLine(err)), Fix: "use Linux 5.8 or newer with BTF, or --source netlink", err: err}
}

// firstLine keeps what the kernel said to one line.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
