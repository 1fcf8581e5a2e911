package identity

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
)

func TestHostOfFixture(t *testing.T) {
	f := func(root string, want flow.Host) {
		t.Helper()
		if diff := cmp.Diff(want, readHost(root)); diff != "" {
			t.Errorf("readHost(%s) (-want +got):\n%s", root, diff)
		}
	}
	f("testdata/host", flow.Host{Name: "web-1", ID: "0123456789abcdef0123456789abcdef",
		BootID: "6f1c3f0e-6d5b-4b21-9c6a-0f6a3d0b9a11", Kernel: "6.12.41-amd64"})
	f("testdata/container", flow.Host{Name: "3f4e1c0a9b8d", ID: "fedcba9876543210fedcba9876543210", Kernel: "5.10.0-32-amd64"})
	f("testdata/none", flow.Host{})
}

func TestSelfOfFixture(t *testing.T) {
	f := func(root string, want Self) {
		t.Helper()
		if diff := cmp.Diff(want, readSelf(root)); diff != "" {
			t.Errorf("readSelf(%s) (-want +got):\n%s", root, diff)
		}
	}
	two, minusOne := 2, -1
	f("testdata/host", Self{
		Capabilities:  1<<41 - 1,
		PIDNamespace:  Namespace{Inode: 4026531836, Initial: true},
		UserNamespace: Namespace{Inode: 4026531837, Initial: true},
		NetNamespace:  Namespace{Inode: 4026531840},
		HostProcesses: true, HidePID: "invisible", ReadsOthers: true, CgroupVersion: "v2",
		Kernel: "6.12.41-amd64", BTF: true, Lockdown: "integrity",
		LSM:                     []string{"lockdown", "capability", "yama", "apparmor", "bpf"},
		UnprivilegedBPFDisabled: &two, PerfEventParanoid: &minusOne,
	})
	f("testdata/container", Self{
		UID: 1000, Capabilities: 0x30000003400, NoNewPrivs: true, Seccomp: 2,
		PIDNamespace:  Namespace{Inode: 4026532731},
		UserNamespace: Namespace{Inode: 4026532726},
		NetNamespace:  Namespace{Inode: 4026532733},
		HidePID:       "invisible", CgroupVersion: "hybrid",
		ContainerSigns: []string{"cgroup", "containerenv", "dockerenv", "environment"},
		Kernel:         "5.10.0-32-amd64",
	})
	f("testdata/none", Self{})
}
