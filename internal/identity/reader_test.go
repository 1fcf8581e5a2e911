package identity_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
	"peerscope/internal/identity"
)

// boot is the wall clock of the boot of the hosts in testdata.
const boot = flow.Time(1_700_000_000_000_000_000)

func fixture() *identity.Reader {
	return identity.New(identity.Config{ProcRoot: "testdata/host/proc", PasswdPath: "testdata/host/etc/passwd", Boot: boot})
}

func TestProcessOfFixture(t *testing.T) {
	r := fixture()
	f := func(want flow.Process) {
		t.Helper()
		want.Time = 42
		want.Created = boot + flow.Time(want.Key.Start)*10_000_000
		got, err := r.Process(want.Key.PID, 42)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pid %d (-want +got):\n%s", want.Key.PID, diff)
		}
		key, err := r.Key(want.Key.PID)
		if err != nil || key != want.Key {
			t.Errorf("Key(%d) = %v, %v, want %v", want.Key.PID, key, err, want.Key)
		}
	}
	f(flow.Process{Key: flow.ProcessKey{PID: 1, Start: 2}, Name: "systemd", Executable: "/usr/lib/systemd/systemd",
		CommandLine: "/sbin/init splash", Owner: "root", Cgroup: "/init.scope", Unit: "init.scope", NetnsInode: 4026531840})
	// A kernel thread has no program.
	f(flow.Process{Key: flow.ProcessKey{PID: 2, Start: 2}, Name: "kthreadd", Owner: "root", Cgroup: "/", NetnsInode: 4026531840})
	// One that wrote its own title.
	f(flow.Process{Key: flow.ProcessKey{PID: 4242, Start: 8812345}, Parent: 4200, Name: "nginx", Executable: "/usr/sbin/nginx",
		CommandLine: "nginx: worker process", UID: 33, Owner: "www-data", Cgroup: "/system.slice/nginx.service",
		Unit: "nginx.service", NetnsInode: 4026531840})
	// In a container: its own pid namespace, effective user unlike the real one.
	f(flow.Process{Key: flow.ProcessKey{PID: 5150, Start: 9912345}, VPID: 7, Parent: 5100, Name: "shop.jar", Executable: "/opt/jdk/bin/java",
		Interpreter: "java", Script: "/app/shop.jar",
		CommandLine: "/opt/jdk/bin/java -Xmx1g -Ddb.password=*** -jar /app/shop.jar --db postgres://shop:***@db/shop",
		UID:         101, Owner: "101", Cgroup: "/system.slice/docker-" + id1 + ".scope", Unit: "docker-" + id1 + ".scope",
		Container: id1, Runtime: "docker", NetnsInode: 4026532177})
	// Its file was removed, and it is in thousands of groups.
	f(flow.Process{Key: flow.ProcessKey{PID: 6001, Start: 9000001}, Parent: 1, Name: "agent", Executable: "/home/joe/bin/agent",
		CommandLine: "./agent -v", UID: 4711, Owner: "4711", Cgroup: "/user.slice/user-4711.slice/session-3.scope",
		Unit: "session-3.scope", NetnsInode: 4026531840})
	// Another user's, seen without privileges.
	f(flow.Process{Key: flow.ProcessKey{PID: 6002, Start: 9000002}, Parent: 1, Name: "postgres",
		CommandLine: "postgres: shop shop 10.0.0.7(40112) idle", UID: 70, Owner: "postgres",
		Cgroup: "/system.slice/postgresql.service", Unit: "postgresql.service"})
	// A zombie.
	f(flow.Process{Key: flow.ProcessKey{PID: 6003, Start: 9000003}, Parent: 5150, Name: "sh", Owner: "root",
		Cgroup: "/user.slice/user-1000.slice/user@1000.service/app.slice/run-u7.service", Unit: "run-u7.service"})
	// One that would like to write on the terminal.
	f(flow.Process{Key: flow.ProcessKey{PID: 6004, Start: 9000004}, Parent: 1, Name: `\x1b[31mred`, Executable: `/tmp/\x1b[31mred`,
		CommandLine: `a\x1b[2Jb \xff\xfe x\ny café \u202e`, Owner: "root", Cgroup: `/x\x1b[0m`, NetnsInode: 4026531840})
	// One that ended when only its stat was read.
	f(flow.Process{Key: flow.ProcessKey{PID: 6006, Start: 9000006}, Parent: 1, Name: "gone"})
}

func TestNoProcess(t *testing.T) {
	r := fixture()
	for _, pid := range []int32{-1, 0, 3, 1 << 30} {
		if p, err := r.Process(pid, 1); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Process(%d) = %+v, %v, want fs.ErrNotExist", pid, p, err)
		}
		if k, err := r.Key(pid); !errors.Is(err, fs.ErrNotExist) || !k.IsZero() {
			t.Errorf("Key(%d) = %v, %v, want fs.ErrNotExist", pid, k, err)
		}
	}
	// A thread has a directory too, but is no process.
	if p, err := r.Process(6005, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Process of a thread = %+v, %v, want fs.ErrNotExist", p, err)
	}
	if p, err := r.Process(6007, 1); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Process with a broken stat = %+v, %v, want another error", p, err)
	}
}

func TestOwnerFollowsUserList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passwd")
	r := identity.New(identity.Config{ProcRoot: "testdata/host/proc", PasswdPath: path, Boot: boot})
	owner := func(now time.Duration, want string) {
		t.Helper()
		p, err := r.Process(4242, flow.Time(now))
		if err != nil || p.Owner != want {
			t.Errorf("owner at %v = %q, %v, want %q", now, p.Owner, err, want)
		}
	}
	write := func(text string, modified time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	owner(0, "33")
	write("web:x:33:33::/:\n", time.Unix(1000, 0))
	owner(time.Second, "web")
	write("www:x:33:33::/:\n", time.Unix(2000, 0))
	owner(time.Second+1, "web") // looked at once a second
	owner(2*time.Second, "www")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	owner(time.Minute, "www")
	write("new:x:33:33::/:\n", time.Unix(3000, 0))
	owner(time.Second, "new") // the clock was set back
}
