package netns

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
)

// named is a namespace with a file under /run/netns.
func named(t testing.TB, name string) (n *capturetest.Namespace, remove func()) {
	t.Helper()
	n = capturetest.NewNamespace(t)
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		t.Fatal(err)
	}
	return n, n.Name(t, "/run/netns", name)
}

func registry(t testing.TB, selectors ...string) *Registry {
	t.Helper()
	r, err := Open(selectors, "/proc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// refresh returns what is told of the namespaces with these inodes: others that
// live on this machine are nobody's business.
func refresh(t testing.TB, r *Registry, inodes ...uint64) []flow.Namespace {
	t.Helper()
	all, err := r.Refresh(7)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(n flow.Namespace) bool { return !slices.Contains(inodes, n.Inode) })
}

func cookie(t testing.TB, n *capturetest.Namespace) (id flow.NetnsID) {
	t.Helper()
	capturetest.In(t, n, func() (err error) { id, err = idHere(n.Inode); return err })
	return id
}

func prefixes(list ...string) (out []netip.Prefix) {
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func checkNamespaces(t testing.TB, what string, got []flow.Namespace, want ...flow.Namespace) {
	t.Helper()
	byInode := func(a, b flow.Namespace) int { return int(int64(a.Inode) - int64(b.Inode)) }
	got = slices.Clone(got)
	slices.SortFunc(want, byInode)
	slices.SortFunc(got, byInode)
	if d := cmp.Diff(append([]flow.Namespace{}, want...), append([]flow.Namespace{}, got...), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// eventually waits for what the kernel does in its own time.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for range 300 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("not within 3 s: %s", what)
}

func TestRefreshTellsWhatIsNewOrChanged(t *testing.T) {
	withName, _ := named(t, "pst2-told")
	unnamed, other := capturetest.NewNamespace(t), capturetest.NewNamespace(t)
	capturetest.Live(t, unnamed)
	capturetest.Live(t, other)
	r := registry(t, "pst2-told", fmt.Sprint(unnamed.Inode))
	inodes := []uint64{withName.Inode, unnamed.Inode, other.Inode}

	loopback, broadcast := prefixes("127.0.0.0/8", "127.0.0.1/32", "::1/128"), prefixes("127.255.255.255/32")
	first := flow.Namespace{Time: 7, ID: cookie(t, withName), Inode: withName.Inode, Name: "pst2-told", Observed: true, Local: loopback, Broadcast: broadcast}
	second := flow.Namespace{Time: 7, ID: cookie(t, unnamed), Inode: unnamed.Inode, Observed: true, Local: loopback, Broadcast: broadcast}
	third := flow.Namespace{Time: 7, ID: cookie(t, other), Inode: other.Inode, Local: loopback}
	got := refresh(t, r, inodes...)
	checkNamespaces(t, "at first", got, first, second, third)
	if i := slices.IndexFunc(got, func(n flow.Namespace) bool { return !n.Observed }); i >= 0 && i != len(got)-1 {
		t.Errorf("one that is not observed comes before others: %v", got)
	}
	checkNamespaces(t, "unchanged", refresh(t, r, inodes...))

	capturetest.IP(t, unnamed, "addr add 10.9.0.1/32 dev lo")
	capturetest.IP(t, other, "addr add 10.9.0.2/32 dev lo")
	second.Local = append(prefixes("10.9.0.1/32"), loopback...)
	checkNamespaces(t, "with an address more", refresh(t, r, inodes...), second)

	unnamed.Name(t, "/run/netns", "pst2-late")
	second.Name = "pst2-late"
	checkNamespaces(t, "with a name", refresh(t, r, inodes...), second)
	checkNamespaces(t, "unchanged again", refresh(t, r, inodes...))

	ids, selected, all := r.Selected()
	want := []flow.Namespace{first, second}
	slices.SortFunc(want, func(a, b flow.Namespace) int { return int(int64(a.Inode) - int64(b.Inode)) })
	if all || !slices.Equal(selected, []uint64{want[0].Inode, want[1].Inode}) || !slices.Equal(ids, []flow.NetnsID{want[0].ID, want[1].ID}) {
		t.Errorf("selected %v, %v, all %v; want %v", ids, selected, all, want)
	}
}

func TestRefreshOfAllFindsWhatComesAndGoes(t *testing.T) {
	r := registry(t)
	refresh(t, r)
	n := capturetest.NewNamespace(t)
	_, end := capturetest.Live(t, n)
	got := refresh(t, r, n.Inode)
	if len(got) != 1 || !got[0].Observed {
		t.Fatalf("told: %+v", got)
	}
	if _, selected, all := r.Selected(); !all || !slices.Contains(selected, n.Inode) {
		t.Errorf("%d is not selected: %v, all %v", n.Inode, selected, all)
	}
	end()
	checkNamespaces(t, "after its end", refresh(t, r, n.Inode))
	if _, selected, _ := r.Selected(); slices.Contains(selected, n.Inode) {
		t.Errorf("%d is selected after its end", n.Inode)
	}
}

// Half of a veth pair is in the namespace, so the other half goes when it does.
func TestRegistryKeepsNoNamespaceAlive(t *testing.T) {
	watch := capturetest.NewNamespace(t)
	f := func(name string, registryOf func(n *capturetest.Namespace) *Registry, live func(n *capturetest.Namespace) (end func())) {
		t.Helper()
		n := capturetest.NewNamespace(t)
		end := live(n)
		pid, endPair := capturetest.Live(t, n)
		capturetest.IP(t, watch, fmt.Sprintf("link add pst2-v type veth peer name pst2-w netns %d", pid))
		endPair()
		n.File.Close()
		r := registryOf(n)
		if got := refresh(t, r, n.Inode); len(got) != 1 {
			t.Errorf("%s: told %v", name, got)
		}
		refresh(t, r)
		r.ReadTotals()
		if err := r.Do(n.Inode, func() error { return nil }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		end()
		eventually(t, name+": the namespace ends", func() bool {
			there := true
			capturetest.In(t, watch, func() error {
				fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
				if err != nil {
					return err
				}
				defer unix.Close(fd)
				request, err := unix.NewIfreq("pst2-v")
				if err != nil {
					return err
				}
				there = !errors.Is(unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request), unix.ENODEV)
				return nil
			})
			return !there
		})
	}
	process := func(n *capturetest.Namespace) func() { _, end := capturetest.Live(t, n); return end }
	file := func(n *capturetest.Namespace) func() { return n.Name(t, "/run/netns", "pst2-end") }
	all := func(*capturetest.Namespace) *Registry { return registry(t) }
	asked := func(n *capturetest.Namespace) *Registry { return registry(t, fmt.Sprint(n.Inode)) }
	f("of a process", all, process)
	f("of a file", all, file)
	f("asked for, of a process", asked, process)
	f("asked for, of a file", asked, file)
}

// The kernel gives an inode number away again as soon as it is free.
func TestAnotherNamespaceUnderAKnownInode(t *testing.T) {
	n := capturetest.NewNamespace(t)
	capturetest.Live(t, n)
	f := func(r *Registry, wantObserved bool) {
		t.Helper()
		refresh(t, r)
		r.ReadTotals()
		before := r.known[n.Inode].told.ID + 1<<40
		r.known[n.Inode].told.ID = before
		reading := func() (of []Reading) {
			for _, one := range r.ReadTotals() {
				if one.Inode == n.Inode {
					of = append(of, one)
				}
			}
			return of
		}
		if got := reading(); len(got) != 1 || got[0].ID != before || got[0].OK {
			t.Errorf("totals of one that was replaced: %+v", got)
		}
		got := refresh(t, r, n.Inode)
		if len(got) != 1 || got[0].ID != cookie(t, n) || got[0].Observed != wantObserved {
			t.Errorf("told %+v, want it new with cookie %d, observed %v", got, cookie(t, n), wantObserved)
		}
		gone := reading()
		i := slices.IndexFunc(gone, func(r Reading) bool { return r.ID == before })
		if i < 0 || gone[i].OK {
			t.Errorf("the one before is not told to be gone: %+v", gone)
		}
	}
	f(registry(t), true)
	f(registry(t, fmt.Sprint(n.Inode)), false)
}

func TestDoRunsInside(t *testing.T) {
	n, _ := named(t, "pst2-do")
	r := registry(t, "pst2-do")
	refresh(t, r)
	var inside uint64
	if err := r.Do(n.Inode, func() (err error) { inside, err = inodeOf(ownNamespace); return err }); err != nil || inside != n.Inode {
		t.Errorf("inside %d, want %d; error %v", inside, n.Inode, err)
	}
	if err := r.Do(1, func() error { return nil }); !errors.Is(err, unix.ENOENT) {
		t.Errorf("in no namespace: %v", err)
	}
}

func TestOpenNamesWhatIsNotThere(t *testing.T) {
	_, err := Open([]string{"pst2-nowhere"}, "/proc")
	if err == nil || !strings.Contains(err.Error(), `no network namespace is named "pst2-nowhere"`) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
}

// An ordinary user is told what stays hidden. The child is this test as nobody.
func TestGapsNameWhatIsHidden(t *testing.T) {
	if os.Getenv("PEERSCOPE_TEST_GAPS") != "" {
		r := registry(t)
		got, err := r.Refresh(7)
		if err != nil || len(got) != 1 || !got[0].Observed || len(got[0].Local) == 0 {
			t.Errorf("own namespace: %+v, %v", got, err)
		}
		var codes []string
		for _, g := range r.Gaps() {
			codes = append(codes, g.Code)
			if g.Reason == "" || !strings.Contains(g.Fix, "run as root") {
				t.Errorf("gap %+v", g)
			}
		}
		if !slices.Equal(codes, []string{"namespaces_hidden", "namespaces_unknown"}) {
			t.Errorf("gaps %v", codes)
		}
		if readings := r.ReadTotals(); len(readings) != 1 || !readings[0].OK {
			t.Errorf("totals of the own namespace: %+v", readings)
		}
		return
	}
	named(t, "pst2-hidden")
	c := exec.Command("/proc/self/exe", "-test.run=^TestGapsNameWhatIsHidden$")
	c.Env = append(os.Environ(), "PEERSCOPE_TEST_GAPS=1")
	c.SysProcAttr = &unix.SysProcAttr{Credential: capturetest.Nobody()}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	r := registry(t)
	refresh(t, r)
	for _, g := range r.Gaps() {
		if g.Code == "namespaces_hidden" {
			t.Errorf("to root: %+v", g)
		}
	}
}
