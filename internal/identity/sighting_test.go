package identity_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
	"peerscope/internal/identity"
)

// sightingOf is what the kernel would have told of a process of the fixture.
func sightingOf(p flow.Process, comm string, args ...string) identity.Sighting {
	vpid := p.VPID
	if vpid == 0 {
		vpid = p.Key.PID
	}
	return identity.Sighting{PID: p.Key.PID, Start: p.Key.Start, Comm: comm, Args: raw(args),
		Exe: p.Executable[strings.LastIndexByte(p.Executable, '/')+1:], Parent: p.Parent, VPID: vpid, UID: p.UID, Netns: p.NetnsInode}
}

func TestSightedIsProcessWhileItLives(t *testing.T) {
	r := fixture()
	for _, pid := range []int32{1, 2, 4242, 5150, 6001, 6004} {
		want, err := r.Process(pid, 42)
		if err != nil {
			t.Fatal(err)
		}
		s := sightingOf(want, want.Name, "stale", "--arguments")
		s.Kthread = pid == 2
		if diff := cmp.Diff(want, r.Sighted(&s, 42)); diff != "" {
			t.Errorf("pid %d (-Process +Sighted):\n%s", pid, diff)
		}
		// It has executed another program, changed its user and moved since.
		s.Comm, s.Exe, s.UID, s.Netns = "other", "other", 99, 97
		if s.Parent != 0 {
			s.Parent = 98
		}
		if diff := cmp.Diff(want, r.Sighted(&s, 42)); diff != "" {
			t.Errorf("pid %d seen before (-Process +Sighted):\n%s", pid, diff)
		}
	}
}

func TestSightedNamesWhatIsGone(t *testing.T) {
	r := fixture()
	f := func(s identity.Sighting, want flow.Process) {
		t.Helper()
		s.PID, s.Start = 77, 500
		want.Time, want.Key, want.Created = 42, flow.ProcessKey{PID: 77, Start: 500}, boot+5_000_000_000
		if diff := cmp.Diff(want, r.Sighted(&s, 42)); diff != "" {
			t.Errorf("Sighted(%+v) (-want +got):\n%s", s, diff)
		}
	}
	f(identity.Sighting{Comm: "curl", Exe: "curl", Args: raw([]string{"curl", "-u", "me:hunter2", "http://h/"}), Parent: 5, VPID: 77, UID: 33, Netns: 9},
		flow.Process{Name: "curl", CommandLine: "curl -u me:*** http://h/", Parent: 5, UID: 33, Owner: "www-data", NetnsInode: 9})
	f(identity.Sighting{Comm: "java", Exe: "java", VPID: 7, UID: 4711}, flow.Process{Name: "java", VPID: 7, UID: 4711, Owner: "4711", Interpreter: "java"})
	f(identity.Sighting{}, flow.Process{Owner: "root"})
	f(identity.Sighting{Comm: "kworker/0:1", Kthread: true}, flow.Process{Name: "kworker/0:1", Owner: "root"})

	name := func(comm, exe, args, want, line string) {
		t.Helper()
		f(identity.Sighting{Comm: comm, Exe: exe, Args: []byte(args)}, flow.Process{Name: want, CommandLine: line, Owner: "root"})
	}
	// A link to another program, that also writes its own title.
	name("redis-server", "redis-check-rdb", "/usr/bin/redis-server 127.0.0.1:6379\x00\x00\x00", "redis-server", "/usr/bin/redis-server 127.0.0.1:6379")
	name("redis-server", "redis-check-rdb", "/usr/bin/redis-server\x00*:6379\x00", "redis-server", "/usr/bin/redis-server *:6379")
	name("nginx", "nginx", "nginx: worker process\x00", "nginx", "nginx: worker process")
	// An interpreter is called by its script.
	run := func(comm, exe, args, want, line, runtime, script string) {
		t.Helper()
		f(identity.Sighting{Comm: comm, Exe: exe, Args: []byte(args)},
			flow.Process{Name: want, CommandLine: line, Owner: "root", Interpreter: runtime, Script: script})
	}
	run("app.py", "python3.12", "/usr/bin/python3\x00/opt/app.py\x00", "app.py", "/usr/bin/python3 /opt/app.py", "python", "/opt/app.py")
	run("MainThread", "node", "node\x00server.js\x00", "server.js", "node server.js", "nodejs", "server.js")
	run("bash", "bash", "-bash\x00", "bash", "-bash", "bash", "")
	name("systemd-journal", "systemd-journald", "/usr/lib/systemd/systemd-journald\x00", "systemd-journald", "/usr/lib/systemd/systemd-journald")
	name("app", "", "", "app", "")
	name("\x1b[31m", "\x1b[32m", "a\x1b[2Jb\x00\u202e\x00", `\x1b[32m`, `a\x1b[2Jb \u202e`)
}

func TestSightedSaysWhatWasCut(t *testing.T) {
	r := seenOnly()
	f := func(args string, cut bool, name, want string) {
		t.Helper()
		p := r.Sighted(&identity.Sighting{PID: 7, Start: 7, Comm: "abcdefghijklmno", Exe: "exe", Args: []byte(args), ArgsCut: cut}, 1)
		if p.CommandLine != want || p.Name != name {
			t.Errorf("args %q, cut %t: %q of %q, want %q of %q", args, cut, p.CommandLine, p.Name, want, name)
		}
	}
	f("app\x00--password\x00hunt", true, "exe", "app --password ***")
	f("app\x00--password\x00hunt", false, "exe", "app --password ***")
	f("app\x00--password\x00", true, "exe", "app --password ***")
	f("app\x00--password\x00", false, "exe", "app --password")
	f("app\x00-v\x00https://me:hunt", true, "exe", "app -v ***")
	f("app\x00PASSWORD='x y z", true, "exe", "app PASSWORD='*** ***")
	f("app\x00-----BEGIN PRIVATE KEY-----\nabc\ndef", true, "exe", "app -----BEGIN PRIVATE KEY-----*** ***")
	f("app\x00two words", true, "exe", "app two ***")
	// A title fills the place of the arguments and goes on behind it.
	f("postgres: shop shop 10.0.", false, "exe", "postgres: shop shop ***")
	f("postgres: shop\x00\x00\x00\x00", true, "exe", "postgres: shop")
	// Half a name is none.
	f("/bin/abcdefghijklmnopq", true, "exe", "***")
	f("/bin/abcdefghijklmnopq\x00", true, "abcdefghijklmnopq", "/bin/abcdefghijklmnopq ***")
	f("", true, "exe", "")
}

func TestSightedIsNotAnotherProcess(t *testing.T) {
	r := fixture()
	f := func(pid int32, start uint64) {
		t.Helper()
		s := identity.Sighting{PID: pid, Start: start, Comm: "first", Args: raw([]string{"first", "-x"}), Parent: 5, VPID: pid, UID: 33, Netns: 6}
		want := flow.Process{Time: 42, Key: flow.ProcessKey{PID: pid, Start: start}, Created: boot + flow.Time(start)*10_000_000,
			Name: "first", CommandLine: "first -x", Parent: 5, UID: 33, Owner: "www-data", NetnsInode: 6}
		if diff := cmp.Diff(want, r.Sighted(&s, 42)); diff != "" {
			t.Errorf("pid %d (-want +got):\n%s", pid, diff)
		}
	}
	f(4242, 8812344) // the pid was used again
	f(3, 1)          // there is none
	f(6005, 9912399) // a thread has it now
	f(6007, 9000007) // its stat is broken
}

func TestSightedCompletesWhatIsLeft(t *testing.T) {
	r := fixture()
	f := func(s identity.Sighting, want flow.Process) {
		t.Helper()
		want.Time, want.Key = 42, flow.ProcessKey{PID: s.PID, Start: s.Start}
		want.Created = boot + flow.Time(s.Start)*10_000_000
		if diff := cmp.Diff(want, r.Sighted(&s, 42)); diff != "" {
			t.Errorf("pid %d (-want +got):\n%s", s.PID, diff)
		}
	}
	// Another user's: the link to its executable and its namespace may not be read.
	f(identity.Sighting{PID: 6002, Start: 9000002, Comm: "postgres", Exe: "postgres", Args: raw([]string{"postgres", "-D", "/d"}), VPID: 12, Netns: 9},
		flow.Process{Parent: 1, Name: "postgres", CommandLine: "postgres: shop shop 10.0.0.7(40112) idle", UID: 70, Owner: "postgres",
			Cgroup: "/system.slice/postgresql.service", Unit: "postgresql.service", VPID: 12, NetnsInode: 9})
	// A zombie has no program any more.
	zombie := identity.Sighting{PID: 6003, Start: 9000003, Comm: "sh", Exe: "dash", Args: raw([]string{"/bin/sh", "-c", "TOKEN=x app"}), VPID: 6003, Netns: 9}
	half := flow.Process{Parent: 5150, Name: "sh", Owner: "root", NetnsInode: 9,
		Cgroup: "/user.slice/user-1000.slice/user@1000.service/app.slice/run-u7.service", Unit: "run-u7.service"}
	whole := half
	whole.CommandLine, whole.Interpreter = "/bin/sh -c TOKEN=*** app", "dash"
	f(zombie, whole)
	// What it was before it executed another program, it is not.
	zombie.Comm = "before"
	f(zombie, half)
	// One that ended when only its stat was read.
	f(identity.Sighting{PID: 6006, Start: 9000006, Comm: "gone", Exe: "gone", Args: raw([]string{"./gone"}), VPID: 3, UID: 33, Netns: 9, Parent: 8},
		flow.Process{Parent: 1, Name: "gone", CommandLine: "./gone", VPID: 3, UID: 33, Owner: "www-data", NetnsInode: 9})
}
