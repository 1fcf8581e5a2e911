package identity

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Self is what this program may see and do here, as the kernel says it: the
// facts behind advice, not the advice. What cannot be read is left zero or nil.
type Self struct {
	UID           uint32       // effective
	Capabilities  Capabilities // effective
	NoNewPrivs    bool
	Seccomp       int // 0 off, 1 strict, 2 filter: a filter may refuse bpf(2)
	PIDNamespace  Namespace
	UserNamespace Namespace
	NetNamespace  Namespace // its Initial is known since Linux 6.18 only

	// HostProcesses: /proc shows the host's processes, since it has the kernel's
	// own thread 2. It may be mounted so inside another pid namespace too.
	HostProcesses bool
	// HidePID is the hidepid option of /proc: off, noaccess, invisible or
	// ptraceable, in the words of Linux 5.8 also where the kernel writes numbers.
	HidePID string
	// ReadsOthers: the open files of process 1 can be listed, so those of every
	// process can.
	ReadsOthers bool

	// ContainerSigns are what speaks for being in a container: cgroup,
	// dockerenv, containerenv, environment. One alone may mislead: an image that
	// was booted as a virtual machine keeps its /.dockerenv.
	ContainerSigns []string
	CgroupVersion  string // v1, v2 or hybrid

	Kernel string // release
	BTF    bool   // the kernel's own type information is there
	// Lockdown is none, integrity or confidentiality; the last refuses to read
	// kernel memory from eBPF.
	Lockdown string
	LSM      []string // active security modules, in order
	// UnprivilegedBPFDisabled: 0 allowed, 1 refused until boot, 2 refused.
	UnprivilegedBPFDisabled *int
	PerfEventParanoid       *int // -1 to 4
}

// Namespace is one namespace of this program.
type Namespace struct {
	Inode   uint64
	Initial bool // it is the host's own
}

// The inodes of the first namespaces are fixed (enum init_ns_ino in
// include/uapi/linux/nsfs.h): since Linux 3.8, that of the network namespace
// since 6.18. Before, it was the first of those given out, 0xF0000000 or one of
// the next, and a later namespace may have taken that place.
const (
	initialPIDNamespace  = 0xEFFFFFFC
	initialUserNamespace = 0xEFFFFFFD
	initialNetNamespace  = 0xEFFFFFF9
)

// ReadSelf reads the facts.
func ReadSelf() Self { return readSelf("/") }

func readSelf(root string) Self {
	st := parseStatus([]byte(readText(root, "proc/self/status")))
	mounts := parseMounts(readText(root, "proc/self/mountinfo"))
	s := Self{
		UID:           st.uid,
		Capabilities:  st.effective,
		NoNewPrivs:    st.noNewPriv,
		Seccomp:       st.seccomp,
		PIDNamespace:  namespaceAt(root, "pid", initialPIDNamespace),
		UserNamespace: namespaceAt(root, "user", initialUserNamespace),
		NetNamespace:  namespaceAt(root, "net", initialNetNamespace),

		HidePID:     mounts.hidePID,
		ReadsOthers: lists(root, "proc/1/fd"),

		ContainerSigns: containerSigns(root),
		CgroupVersion:  mounts.cgroupVersion(),

		Kernel:   readLine(root, "proc/sys/kernel/osrelease"),
		BTF:      exists(root, "sys/kernel/btf/vmlinux"),
		Lockdown: parseLockdown(readLine(root, "sys/kernel/security/lockdown")),

		UnprivilegedBPFDisabled: readNumber(root, "proc/sys/kernel/unprivileged_bpf_disabled"),
		PerfEventParanoid:       readNumber(root, "proc/sys/kernel/perf_event_paranoid"),
	}
	if lsm := readLine(root, "sys/kernel/security/lsm"); lsm != "" {
		s.LSM = strings.Split(lsm, ",")
	}
	if two, err := parseStat([]byte(readText(root, "proc/2/stat"))); err == nil {
		s.HostProcesses = two.flags&kernelThread != 0
	}
	return s
}

// namespaceAt reads what namespace of a kind this program is in; the links in
// /proc/self may be read without privileges.
func namespaceAt(root, kind string, initial uint64) Namespace {
	target, err := os.Readlink(filepath.Join(root, "proc/self/ns", kind))
	if err != nil {
		return Namespace{}
	}
	inode := namespaceInode([]byte(target))
	return Namespace{Inode: inode, Initial: inode != 0 && inode == initial}
}

// containerSigns are sorted.
func containerSigns(root string) []string {
	var signs []string
	if c := ParseCgroup([]byte(readText(root, "proc/self/cgroup"))); c.Container != "" {
		signs = append(signs, "cgroup")
	}
	if exists(root, "run/.containerenv") { // podman
		signs = append(signs, "containerenv")
	}
	if exists(root, ".dockerenv") {
		signs = append(signs, "dockerenv")
	}
	// systemd's container interface: the first process has container=NAME.
	for v := range strings.SplitSeq(readText(root, "proc/1/environ"), "\x00") {
		if name, ok := strings.CutPrefix(v, "container="); ok && name != "" {
			signs = append(signs, "environment")
			break
		}
	}
	return signs
}

// parseLockdown takes the mode in brackets: none [integrity] confidentiality.
func parseLockdown(line string) string {
	_, rest, _ := strings.Cut(line, "[")
	mode, _, ok := strings.Cut(rest, "]")
	if !ok {
		return ""
	}
	return mode
}

// exists reports whether a path is there, whoever may read it.
func exists(root, path string) bool {
	_, err := os.Lstat(filepath.Join(root, path))
	return err == nil
}

// lists reports whether a directory's entries may be read.
func lists(root, path string) bool {
	f, err := os.Open(filepath.Join(root, path))
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = f.Readdirnames(-1)
	return err == nil
}

// readNumber reads a setting of the kernel; nil if there is none, or if it may
// not be read.
func readNumber(root, path string) *int {
	n, err := strconv.Atoi(readLine(root, path))
	if err != nil {
		return nil
	}
	return &n
}
