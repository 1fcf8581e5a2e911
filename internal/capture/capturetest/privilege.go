package capturetest

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// RequireRoot skips a test that needs a real kernel's privileged side. With
// PEERSCOPE_REQUIRE_PRIVILEGED=1 it fails instead, so that a test run as root
// cannot pass by skipping.
func RequireRoot(t testing.TB) {
	t.Helper()
	reason := missingPrivilege()
	if reason == "" {
		return
	}
	if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") == "1" {
		t.Fatalf("%s needs privileges: %s", t.Name(), reason)
	}
	t.Skipf("%s needs privileges: %s", t.Name(), reason)
}

func missingPrivilege() string {
	if os.Geteuid() != 0 {
		return "not root"
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return fmt.Sprintf("read capabilities: %v", err)
	}
	for name, bit := range map[string]uint{"CAP_NET_ADMIN": unix.CAP_NET_ADMIN, "CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN} {
		if caps[0].Effective&(1<<bit) == 0 {
			return "no " + name
		}
	}
	return ""
}

// Nobody is an ordinary user, to run the test itself again as.
func Nobody() *syscall.Credential { return &syscall.Credential{Uid: 65534, Gid: 65534} }
