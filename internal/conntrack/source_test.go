package conntrack

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
)

func TestTellsWhatIsThereWhatIsMadeAndWhatIsRemoved(t *testing.T) {
	n := translating(t, redirects)
	capturetest.Listen(t, n, "127.0.0.1:8080")
	before := call(t, n, "tcp", "127.0.0.1:80")
	s := newSource(t)
	enter(t, s, n)
	o := take(s)
	if len(o.list) != 1 || o.list[0].Original.Local != before || !o.list[0].Adopted || o.list[0].Opened != 0 {
		t.Fatalf("at the start: %+v, want the entry of %v", o.list, before)
	}
	want := flow.Tuple{Local: o.list[0].Reply.Local, Peer: before}
	if want.Local.String() != "127.0.0.1:8080" || o.list[0].Reply != want || o.list[0].Netns != flow.NetnsID(n.Inode) {
		t.Errorf("the server's side is %+v", o.list[0])
	}
	during := call(t, n, "tcp", "127.0.0.1:80")
	again := call(t, n, "tcp", "127.0.0.1:80")
	call(t, n, "tcp", "127.0.0.1:8080") // tracked, not translated
	o = take(s)
	if len(o.list) != 2 || o.list[0].Original.Local != during || o.list[1].Original.Local != again ||
		o.list[0].Opened == 0 || o.list[0].Opened >= o.list[1].Opened || o.list[0].Adopted {
		t.Fatalf("in between: %+v, want the entries of %v and %v", o.list, during, again)
	}
	empty(t, dialIn(t, n))
	o = take(s)
	removed := slices.IndexFunc(o.list, func(x flow.Translation) bool { return x.Original.Local == during && x.Closed != 0 && x.Opened == 0 })
	if removed < 0 {
		t.Errorf("after the table was emptied: %+v", o.list)
	}
	o = told{}
	s.Finish(o.emit)
	if len(o.list) != 0 || len(s.Gaps()) != 0 {
		t.Errorf("in the end: %+v, gaps %v", o.list, s.Gaps())
	}
}

func TestFinishTellsWhatLivesOn(t *testing.T) {
	n := translating(t, redirects)
	capturetest.Listen(t, n, "127.0.0.1:8080")
	s := newSource(t)
	enter(t, s, n)
	take(s)
	client := call(t, n, "tcp", "127.0.0.1:80")
	var o told
	s.Finish(o.emit)
	// Once by its message, once by the dump.
	if len(o.list) != 2 || o.list[0].Original.Local != client || o.list[0].Opened == 0 || o.list[1].Original != o.list[0].Original || o.list[1].Opened != 0 {
		t.Errorf("got %+v", o.list)
	}
	// What is entered and finished at once is dumped once.
	s = newSource(t)
	enter(t, s, n)
	o = told{}
	s.Finish(o.emit)
	if len(o.list) != 1 || !o.list[0].Adopted {
		t.Errorf("of one moment: %+v", o.list)
	}
}

func TestNothingIsToldWhereNothingIsTranslated(t *testing.T) {
	s := newSource(t)
	plain := capturetest.NewNamespace(t)
	enter(t, s, plain)
	l := capturetest.Listen(t, plain, "127.0.0.1:8080")
	capturetest.Connect(t, plain, l)
	// Tracked by a rule, and not translated.
	tracked := translating(t, "table inet f {\n chain in {\n  type filter hook input priority 0\n  ct state established accept\n }\n}\n")
	enter(t, s, tracked)
	l = capturetest.Listen(t, tracked, "127.0.0.1:8080")
	capturetest.Connect(t, tracked, l)
	var o told
	s.Finish(o.emit)
	if len(o.list) != 0 {
		t.Errorf("told %+v", o.list)
	}
	if n := s.spaces[tracked.Inode].entries(); n == 0 {
		t.Error("nothing is tracked where a rule asks for the state: the test proves nothing")
	}
	if n := s.spaces[plain.Inode].entries(); n != 0 {
		t.Errorf("%d entries where no rule is: looking has made the kernel track", n)
	}
}

// The kernel itself leaves out what is not translated: it takes no room.
func TestUntranslatedTakesNoRoom(t *testing.T) {
	n := capturetest.NewNamespace(t)
	c := dialIn(t, n)
	s := newSource(t)
	enter(t, s, n)
	sp := s.spaces[n.Inode]
	if _, err := sp.events.SetReceiveBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	take(s)
	fill(t, c, 0, 2000, false)
	fill(t, c, 2000, 1, true)
	if o := take(s); len(o.list) != 1 || o.losses != 0 {
		t.Errorf("told %d, %d losses; want the one that is translated", len(o.list), o.losses)
	}
}

func TestOverrunIsCountedAndMadeUpFor(t *testing.T) {
	const entries = 3000
	n := capturetest.NewNamespace(t)
	c := dialIn(t, n)
	s := newSource(t)
	enter(t, s, n)
	if _, err := s.spaces[n.Inode].events.SetReceiveBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	take(s)
	fill(t, c, 0, entries, true)
	o := take(s)
	distinct := map[flow.Tuple]bool{}
	for _, x := range o.list {
		distinct[x.Original] = true
	}
	if o.losses == 0 || len(distinct) != entries {
		t.Errorf("%d losses, %d of %d entries", o.losses, len(distinct), entries)
	}
	fill(t, c, entries, 1, true)
	if o := take(s); o.losses != 0 || len(o.list) != 1 {
		t.Errorf("afterwards: %d losses, %d told", o.losses, len(o.list))
	}
}

func TestNamespaceIsLetGo(t *testing.T) {
	n := capturetest.NewNamespace(t)
	c := dialIn(t, n)
	s := newSource(t)
	enter(t, s, n)
	take(s)
	fill(t, c, 0, 3, true)
	var o told
	s.Leave(n.Inode, o.emit)
	if len(o.list) != 3 || len(s.spaces) != 0 {
		t.Errorf("told %d as it ended, want 3; %d left", len(o.list), len(s.spaces))
	}
	s.Leave(n.Inode, o.emit)
	if o := take(s); len(o.list) != 0 {
		t.Errorf("told of it afterwards: %+v", o.list)
	}
}

func TestGaps(t *testing.T) {
	f := func(name string, s *Source, code, reason, fix string) {
		t.Helper()
		gaps := s.Gaps()
		if len(gaps) != 1 || gaps[0].Code != code || !strings.HasPrefix(gaps[0].Reason, reason) || gaps[0].Fix != fix {
			t.Errorf("%s: %+v", name, gaps)
		}
	}
	two := map[uint64]bool{1: true, 2: true}
	f("rights", &Source{denied: map[uint64]flow.NetnsID{1: 1, 2: 2}}, "no_conntrack", "the translations of 2 network namespaces may not be read", fixRight)
	f("rights, and too many to ask", &Source{denied: map[uint64]flow.NetnsID{1: 1}, servers: &Servers{crowded: true}}, "no_conntrack",
		"the translations of 1 network namespace may not be read: "+meaning+"; of more than 100000 sockets", fixRight)
	f("module", &Source{failure: unix.EPROTONOSUPPORT}, "no_conntrack", "the kernel tracks connections and does not list them",
		"sudo modprobe nf_conntrack_netlink, or a kernel with CONFIG_NF_CT_NETLINK")
	f("garbage", &Source{failure: errNotEntry}, "no_conntrack", "not a conntrack entry: ends behind", "")
	f("full", &Source{full: map[uint64]bool{1: true}}, "conntrack_full", "the table of tracked connections was full in 1 network namespace",
		"sudo sysctl net.netfilter.nf_conntrack_max=NUMBER, a larger one")
	f("mute", &Source{spaces: map[uint64]*space{1: {mute: true}}}, "no_conntrack", "1 network namespace does not tell of new entries",
		"sudo sysctl net.netfilter.nf_conntrack_events=1 in that namespace")
	if gaps := (&Source{procRoot: t.TempDir(), absent: two}).Gaps(); len(gaps) != 0 {
		t.Errorf("a kernel that tracks nothing: %v", gaps)
	}
	loaded := t.TempDir()
	if err := os.MkdirAll(loaded+"/sys/net/netfilter", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(loaded+"/sys/net/netfilter/nf_conntrack_count", []byte("0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f("loaded late", &Source{procRoot: loaded, absent: two}, "no_conntrack", "connection tracking was loaded while 2 network namespaces", "observe again")
}

func TestKernelWithoutTrackingIsNotMadeToLoadIt(t *testing.T) {
	if _, err := openSpace(1, 1, t.TempDir()); err != errNoConntrack {
		t.Errorf("got %v", err)
	}
	if f := Examine(t.TempDir()); !f.OK || f.Detail != "the kernel tracks no connections, so it rewrites none" {
		t.Errorf("doctor says %+v", f)
	}
}

func TestWithoutRights(t *testing.T) {
	if os.Getenv("PEERSCOPE_AS_NOBODY") == "1" {
		s := newSource(t)
		s.Enter(1, 1)
		s.Finish(func(flow.Observation) {})
		if g := s.Gaps(); len(g) != 1 || g[0].Fix != fixRight {
			t.Errorf("gaps: %+v", g)
		}
		if f := Examine("/proc"); f.OK || f.Fix != fixRight {
			t.Errorf("doctor says %+v", f)
		}
		return
	}
	n := capturetest.NewNamespace(t)
	c := exec.Command("/proc/self/exe", "-test.run", "^TestWithoutRights$")
	c.Env = append(os.Environ(), "PEERSCOPE_AS_NOBODY=1")
	c.SysProcAttr = &unix.SysProcAttr{Credential: capturetest.Nobody()}
	var out []byte
	capturetest.In(t, n, func() error { out, _ = c.CombinedOutput(); return nil })
	if !strings.Contains(string(out), "PASS") {
		t.Errorf("as nobody:\n%s", out)
	}
}

func TestExamineNamesTheRight(t *testing.T) {
	capturetest.RequireRoot(t)
	if f := Examine("/proc"); !f.OK || !strings.HasPrefix(f.Detail, "the kernel lists what it rewrites: ") {
		t.Errorf("doctor says %+v", f)
	}
}
