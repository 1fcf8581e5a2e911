package ebpf

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// TestExplain: whatever the kernel said, people get one line with what is
// missing and how to get it.
func TestExplain(t *testing.T) {
	verifier := &ebpf.VerifierError{Cause: unix.EINVAL, Log: []string{"0: R1=ctx()", "invalid access"}}
	for name, c := range map[string]struct {
		err       error
		host      host
		want      []string
		privilege bool
	}{
		"no right":            {unix.EPERM, host{types: true}, []string{"may not be loaded", "setcap cap_bpf"}, true},
		"no right, wrapped":   {fmt.Errorf("load: %w", unix.EACCES), host{types: true}, []string{"run as root"}, true},
		"root in a container": {unix.EPERM, host{root: true, types: true}, []string{"although this is root", "--privileged"}, true},
		"locked down":         {unix.EPERM, host{root: true, types: true, locked: true}, []string{"locked down", "lockdown=confidentiality"}, true},
		"no types":            {fmt.Errorf("types: %w", ebpf.ErrNotSupported), host{root: true}, []string{"/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF=y"}, false},
		"refused":             {fmt.Errorf("program x: %w", verifier), host{root: true, types: true}, []string{"refuses a program", "netlink"}, false},
		"too old":             {fmt.Errorf("map create: %w", unix.EINVAL), host{root: true, types: true}, []string{"cannot run the programs", "5.8"}, false},
		"locked memory":       {fmt.Errorf("raise the limit of locked memory: %w", unix.EPERM), host{types: true}, []string{"run as root"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			err := explain(c.err, c.host)
			var m *Missing
			if !errors.As(err, &m) || !errors.Is(err, errors.Unwrap(err)) {
				t.Fatalf("got %T", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than one line", err)
			}
			if m.Privilege != c.privilege {
				t.Errorf("a right is missing: %v, want %v", m.Privilege, c.privilege)
			}
		})
	}
}

// TestMissingHooks: a hook that a host lacks takes its part of the map along,
// says so once, and tells how to get it.
func TestMissingHooks(t *testing.T) {
	var p programs
	p.rung = rungTracepoints
	for _, h := range always {
		if h.cgroup != ebpf.AttachNone {
			p.lacks(h, errNoCgroup) // as on a host with cgroup v1 alone
		}
	}
	if len(p.gaps) != 2 || p.rung != rungTracepoints {
		t.Fatalf("rung %s, gaps %+v", p.rung, p.gaps)
	}
	for i, code := range []string{"no_datagram_peers", "no_unix_datagram_peers"} {
		if g := p.gaps[i]; g.Code != code || !strings.Contains(g.Fix, "mount -t cgroup2") {
			t.Errorf("gap %+v, want %s with the mount", g, code)
		}
	}
	for _, h := range tracepoints {
		p.lacks(h, ebpf.ErrNotSupported)
	}
	if p.rung != rungTCP || len(p.gaps) != 3 || p.gaps[2].Fix != newer("6.3") {
		t.Errorf("without messages: rung %s, gaps %+v", p.rung, p.gaps)
	}
}
