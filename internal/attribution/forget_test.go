package attribution_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	"peerscope/internal/recording"
	"peerscope/internal/topology"
)

// windowsOf takes observations window by window and writes a map of each.
func windowsOf(windows [][]flow.Observation, when func(*attribution.Engine)) (maps []*topology.Map, e *attribution.Engine) {
	e = attribution.New(attribution.Config{Legs: true})
	when(e)
	l := topology.NewLedger()
	for _, obs := range windows {
		for _, o := range obs {
			e.Apply(o)
		}
		e.Close(l.Add)
		s := e.Summary()
		m := l.Map(e, topology.Facts{Host: s.Host, Capture: s.Capture, Window: s.Window, Gaps: s.Gaps, Lost: s.Lost, Listening: e.Listening(), Names: e.AddressNames()})
		maps = append(maps, m)
		explainSome(e, l, m)
		l.Reset()
	}
	return maps, e
}

// explainSome asks why some edges stand as they do, which looks at everything the
// window was decided by.
func explainSome(e *attribution.Engine, l *topology.Ledger, m *topology.Map) {
	x := topology.NewExplainer(e, l, m)
	for i := range min(len(m.Edges), 5) {
		x.Want(m.Edges[i].ID)
	}
	for c := range e.Connections(x.Wants) {
		x.Add(c.Edge, func(id func(flow.NodeRef) string) *flow.Account { return e.Explain(c, id) })
	}
}

// cut splits observations into windows at random.
func cut(r *rand.Rand, obs []flow.Observation) [][]flow.Observation {
	var out [][]flow.Observation
	for len(obs) > 0 {
		n := min(len(obs), 1+r.IntN(1+len(obs)/3))
		out = append(out, obs[:n])
		obs = obs[n:]
		for r.IntN(4) == 0 {
			out = append(out, nil)
		}
	}
	return append(out, nil, nil, nil)
}

// sameForgetting compares the maps of an engine that never forgets with those of
// one that does with every window.
func sameForgetting(t *testing.T, name string, windows [][]flow.Observation) {
	t.Helper()
	want, _ := windowsOf(windows, (*attribution.Engine).ForgetNever)
	got, _ := windowsOf(windows, (*attribution.Engine).ForgetAlways)
	for i := range want {
		if d := cmp.Diff(want[i], got[i], cmpopts.IgnoreUnexported(topology.Edge{}, topology.Stat{})); d != "" {
			t.Fatalf("%s, window %d of %d (-never +always):\n%s", name, i, len(want), d)
		}
	}
}

// someWindows is a random world in which much comes and goes, in random order, cut
// into windows.
func someWindows(seed uint64) [][]flow.Observation {
	r := rand.New(rand.NewPCG(seed, 11))
	w := randomWorld(seed, 20)
	w.changes(r)
	obs := slices.Clone(w.obs)
	if seed%2 == 1 {
		r.Shuffle(len(obs), func(i, j int) { obs[i], obs[j] = obs[j], obs[i] })
	}
	return cut(r, endsLast(obs))
}

// Forgetting changes no map, whatever is told in which window.
func TestForgettingChangesNothing(t *testing.T) {
	for seed := range uint64(24) {
		sameForgetting(t, fmt.Sprintf("seed %d", seed), someWindows(seed))
	}
}

func FuzzForgetting(f *testing.F) {
	for seed := range uint64(3) {
		f.Add(1000 + seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { sameForgetting(t, "this", someWindows(seed)) })
}

func TestForgettingChangesNoWorld(t *testing.T) {
	files, err := filepath.Glob("../../testdata/worlds/*.jsonl")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d worlds: %v", len(files), err)
	}
	for _, file := range files {
		obs := recorded(t, file)
		for seed := range uint64(3) {
			r := rand.New(rand.NewPCG(seed, 13))
			if seed > 0 {
				r.Shuffle(len(obs), func(i, j int) { obs[i], obs[j] = obs[j], obs[i] })
			}
			sameForgetting(t, file, cut(r, endsLast(obs)))
		}
	}
}

// recorded reads a recording whole.
func recorded(t *testing.T, file string) (out []flow.Observation) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := recording.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		o, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o)
	}
}

// endsLast moves the end of a process or namespace behind all that is told of it:
// what comes later than the window after it is not known as its own any more.
func endsLast(obs []flow.Observation) []flow.Observation {
	last := map[any]int{}
	for i, o := range obs {
		var keys []any
		add := func(list []flow.ProcessKey) {
			for _, k := range list {
				keys = append(keys, k)
			}
		}
		switch o := o.(type) {
		case *flow.Socket:
			add(o.Holders)
			keys = append(keys, o.Netns)
		case *flow.UnixSocket:
			add(o.Holders)
			keys = append(keys, o.Netns)
		case *flow.Process:
			keys = append(keys, o.Key)
		case *flow.Handover:
			keys = append(keys, o.From)
		case *flow.Namespace:
			if !o.Gone {
				keys = append(keys, o.ID)
			}
		case *flow.Translation:
			keys = append(keys, o.Netns)
		}
		for _, k := range keys {
			last[k] = i
		}
	}
	ends := map[int][]flow.Observation{}
	var out []flow.Observation
	for i, o := range obs {
		switch e := o.(type) {
		case *flow.Exit:
			j := max(i, last[e.Key])
			ends[j] = append(ends[j], o)
		case *flow.Namespace:
			if j := max(i, last[e.ID]); e.Gone {
				ends[j] = append(ends[j], o)
			}
		}
	}
	for i, o := range obs {
		n, isNamespace := o.(*flow.Namespace)
		if _, isExit := o.(*flow.Exit); !isExit && !(isNamespace && n.Gone) {
			out = append(out, o)
		}
		out = append(out, ends[i]...)
	}
	return out
}

// changes lets what is in a world come and go: processes end and their pids are
// used again, addresses move, namespaces end, listeners too, and clients wait.
func (w *world) changes(r *rand.Rand) {
	late := func() flow.Time { return start + flow.Time(r.IntN(90))*second }
	var keys []flow.ProcessKey
	var sockets []*flow.Socket
	for _, o := range w.obs {
		switch o := o.(type) {
		case *flow.Process:
			keys = append(keys, o.Key)
		case *flow.Socket:
			sockets = append(sockets, o)
		}
	}
	for _, k := range keys {
		if r.IntN(2) == 0 {
			w.tell(&flow.Exit{Time: late(), Key: k})
			again := flow.ProcessKey{PID: k.PID, Start: k.Start + 1}
			w.tell(&flow.Process{Time: late(), Key: again, Name: fmt.Sprintf("again%d", k.PID)})
			w.socket(1, fmt.Sprintf("127.0.0.1:%d > 127.0.0.1:80", 6000+int(k.PID)), held(again), asClient(1, 2))
		}
	}
	for range 12 {
		s := *sockets[r.IntN(len(sockets))]
		s.Time, s.State, s.Final, s.Vanished = late(), flow.Close, true, true
		w.tell(&s)
	}
	for range 3 {
		id := flow.NetnsID(1 + r.IntN(4))
		w.tell(&flow.Namespace{Time: late(), ID: id, Inode: 4026530000 + uint64(id), Observed: true, DeathsSeen: true,
			Local: prefixes([]string{fmt.Sprintf("10.0.0.%d", 1+r.IntN(6))}), Broadcast: prefixes([]string{"10.0.0.255"})})
		w.tell(&flow.Namespace{Time: late(), ID: id, Gone: r.IntN(2) == 0})
	}
	for i := range 6 {
		c := fmt.Sprintf("10.0.0.1:%d > 10.9.9.9:80", 4000+r.IntN(30))
		s := fmt.Sprintf("10.0.0.2:80 > 10.0.0.1:%d", 4000+r.IntN(30))
		w.translation(1, c, s, made(flow.Time(i)*second))
		if r.IntN(2) == 0 {
			w.translation(1, c, s, removed(flow.Time(i+20)*second))
		}
		set := slices.Clone(keys[:2+r.IntN(3)])
		w.socket(1, fmt.Sprintf("127.0.0.1:%d > 127.0.0.1:80", 7000+i), held(set...), asClient(1, 2))
		w.tell(&flow.Handover{Time: late(), Cookie: flow.SocketCookie(9000 + i), From: keys[0]})
		inode := uint64(20_000 + 2*i)
		w.tell(&flow.UnixSocket{Time: late(), Inode: inode, Netns: 1, Type: flow.UnixStream, State: flow.Listen, Path: "/run/w", Waiting: []uint64{inode + 1}, Holders: set[:1]},
			&flow.UnixSocket{Time: late(), Inode: inode + 1, Netns: 1, Type: flow.UnixStream, State: flow.Established, Holders: set[1:]},
			&flow.UnixSocket{Time: late(), Inode: inode + 1, Netns: 1, Type: flow.UnixStream, Final: r.IntN(2) == 0})
		w.socket(1, fmt.Sprintf("10.0.0.1:%d > 10.0.0.255:9", 5000+i), udp, held(keys[1]), asClient(3, 0), func(s *flow.Socket) { s.Unconnected, s.Exact = true, true })
	}
}

// A world in which everything has ended leaves nothing behind.
func TestNothingIsLeftOfWhatEnded(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 12))
		w := randomWorld(seed, 30)
		w.changes(r)
		_, e := windowsOf(append(cut(r, w.obs), ending(w.obs), nil, nil, nil, nil), (*attribution.Engine).ForgetAlways)
		left := e.Numbers()
		for what, n := range left {
			if n == 0 {
				delete(left, what)
			}
		}
		if d := cmp.Diff(map[string]int{}, left); d != "" {
			t.Fatalf("seed %d (-want +left):\n%s", seed, d)
		}
	}
}

// ending ends everything that was told.
func ending(obs []flow.Observation) []flow.Observation {
	const end = start + 1000*second
	var out []flow.Observation
	seen := map[any]bool{}
	once := func(key any, o flow.Observation) {
		if !seen[key] {
			seen[key] = true
			out = append(out, o)
		}
	}
	for _, o := range obs {
		switch o := o.(type) {
		case *flow.Socket:
			s := *o
			s.Time, s.Final, s.Vanished, s.HasCounters, s.Holders = end, true, true, false, nil
			once([2]uint64{uint64(o.Cookie), uint64(o.Generation)}, &s)
		case *flow.UnixSocket:
			once([2]uint64{o.Inode, 1 << 40}, &flow.UnixSocket{Time: end, Inode: o.Inode, Netns: o.Netns, Type: o.Type, Final: true})
		case *flow.Process:
			once(o.Key, &flow.Exit{Time: end - 100*second, Key: o.Key})
		case *flow.Namespace:
			once(o.ID, &flow.Namespace{Time: end, ID: o.ID, Gone: true})
		case *flow.Translation:
			t := *o
			t.Time, t.Opened, t.Closed, t.Adopted = max(end, o.Opened+1), 0, max(end, o.Opened+1), false
			once([3]any{o.Netns, o.Original, o.Reply}, &t)
		}
	}
	return append(out, &flow.Handover{Time: end, Cookie: 1 << 50, From: flow.ProcessKey{PID: 1, Start: 1}})
}

// What a handover counted before goes to the process that had the socket then, also
// if nothing else leads to that one any more.
func TestFormerHolderIsKeptUntilItsBytesAreAcknowledged(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	former, next := w.process(10, "former"), w.process(20, "next")
	c := w.socket(ns, "10.0.0.1:4000 > 10.9.9.9:80", held(former), opened(0), first(flow.Client), exactClient(10, 0))
	begin := w.obs
	var moved world
	moved.tell(&flow.Handover{Time: start + second, Cookie: c.Cookie, From: former, Exact: true, Counters: flow.Counters{BytesAcked: 61}},
		&flow.Exit{Time: start + second, Key: former})
	moved.socket(ns, "10.0.0.1:4000 > 10.9.9.9:80", cookie(c.Cookie), at(2*second), held(next), exactClient(20, 0))
	var later world
	later.socket(ns, "10.0.0.1:4000 > 10.9.9.9:80", cookie(c.Cookie), at(100*second), held(next), exactClient(70, 0))
	idle := []flow.Observation{&flow.Socket{Time: start + 90*second, Cookie: 99, Netns: ns, Transport: flow.TCP, State: flow.Listen, Tuple: tuple("10.0.0.1:9")}}
	maps, _ := windowsOf([][]flow.Observation{begin, moved.obs, idle, nil, nil, later.obs}, (*attribution.Engine).ForgetAlways)
	got := edgesOf(maps[5])
	want := []string{"former > 10.9.9.9 tcp 80 | none 1", "next > 10.9.9.9 tcp 80 | none 1"}
	if len(got) != 2 || !strings.HasPrefix(got[0], "former > ") || !strings.HasPrefix(got[1], "next > ") {
		t.Errorf("got %v, want edges like %v", got, want)
	}
}

// A process of which nothing was told but a port that it served keeps that.
func TestServedPortIsKeptWithoutFacts(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	p := flow.ProcessKey{PID: 7, Start: 7}
	w.connection(ns, flow.ProcessKey{PID: 8, Start: 8}, ns, p, "10.0.0.1:4000 > 10.0.0.1:80")
	var later world
	later.cookie = 100
	later.socket(ns, "10.0.0.1:80 > 10.9.9.9:5000", held(p), at(50*second))
	maps, _ := windowsOf([][]flow.Observation{w.obs, ending(w.obs[1:]), nil, nil, nil, later.obs}, (*attribution.Engine).ForgetAlways)
	if got := maps[5].Edges; len(got) != 1 || got[0].Evidence.Role["exposed-port"] != 1 {
		t.Errorf("%v, want a server by its port", edgesOf(maps[5]))
	}
}

// Whatever comes and goes, the tables are as large as what is there.
func TestTablesFollowWhatIsThere(t *testing.T) {
	e, l := attribution.New(attribution.Config{}), topology.NewLedger()
	var early map[string]int
	const windows, each = 120, 40
	churn := newChurn()
	for i := range windows {
		for _, o := range churn.window(each) {
			e.Apply(o)
		}
		e.Close(l.Add)
		factsOf(e, l)
		l.Reset()
		if i == windows/2 {
			early = e.Numbers()
		}
	}
	for what, n := range e.Numbers() {
		if n > early[what]+early[what]/4+each*30 {
			t.Errorf("%s: %d after %d windows, %d after half of them", what, n, windows, early[what])
		}
	}
}

// churn makes things that live for two windows, beside a listener of each kind that
// stays.
type churn struct {
	world
	n     int
	stays flow.ProcessKey
	last  []flow.Observation
}

func newChurn() *churn {
	c := &churn{}
	c.netns(1, "10.0.0.1")
	c.stays = c.process(1, "stays")
	c.listener(1, "0.0.0.0:80", c.stays)
	c.tell(&flow.UnixSocket{Time: start, Inode: 1, Netns: 1, Type: flow.UnixStream, State: flow.Listen, Path: "/run/stays", Holders: []flow.ProcessKey{c.stays}})
	return c
}

func (c *churn) window(n int) []flow.Observation {
	for range n {
		c.n++
		i := c.n
		now := flow.Time(i) * second
		pid := int32(100 + i)
		p := c.process(pid, fmt.Sprintf("p%d", i))
		netns := c.netns(flow.NetnsID(100+i), fmt.Sprintf("10.%d.%d.%d", 1+i>>16, i>>8&255, i&255), fmt.Sprintf("10.%d.%d.0/24", 100+i>>8, i&255))
		port := 10_000 + i%50_000
		local := fmt.Sprintf("10.%d.%d.%d:%d", 1+i>>16, i>>8&255, i&255, port)
		c.connection(netns, p, 1, c.stays, local+" > 10.0.0.1:80")
		c.connection(netns, p, 1, c.stays, fmt.Sprintf("10.8.%d.%d:%d > 10.0.0.1:80", i>>8&255, i&255, port))
		c.socket(netns, local+" > 239.1.1.1:5000", udp, held(p), asClient(3, 0), func(s *flow.Socket) { s.Unconnected, s.Exact = true, true })
		c.socket(netns, local+" > 10.0.0.1:53", udp, held(p, c.stays), asClient(3, 0), func(s *flow.Socket) { s.Unconnected, s.Exact = true, true })
		c.listener(netns, fmt.Sprintf("0.0.0.0:%d", port), p)
		c.translation(1, local+" > 10.9.9.9:443", fmt.Sprintf("10.0.0.1:80 > 10.0.0.9:%d", port), made(now))
		inode := uint64(1000 + 2*i)
		c.tell(&flow.UnixSocket{Time: start + now, Inode: 1, Netns: 1, Type: flow.UnixStream, State: flow.Listen, Path: "/run/stays", Waiting: []uint64{inode}, Holders: []flow.ProcessKey{c.stays}},
			&flow.UnixSocket{Time: start + now, Inode: inode, Netns: 1, Type: flow.UnixStream, State: flow.Established, Holders: []flow.ProcessKey{p}},
			&flow.UnixSocket{Time: start + now, Inode: inode + 1, Netns: 1, Type: flow.UnixDgram, State: flow.Close, PeerPath: fmt.Sprint("/run/", i), Holders: []flow.ProcessKey{p}},
			&flow.Handover{Time: start + now, Cookie: flow.SocketCookie(1<<40 + i), From: p})
	}
	out := c.obs
	over := c.last
	c.last, c.obs = slices.Clone(c.obs), nil
	for _, o := range ending(over) {
		switch o := o.(type) {
		case *flow.Process, *flow.Handover:
		case *flow.Exit:
			if o.Key != c.stays {
				out = append(out, &flow.Exit{Time: start + flow.Time(c.n)*second, Key: o.Key})
			}
		case *flow.Namespace:
			if o.ID != 1 {
				out = append(out, &flow.Namespace{Time: start + flow.Time(c.n)*second, ID: o.ID, Gone: true})
			}
		case *flow.UnixSocket:
			if o.Inode != 1 {
				out = append(out, o)
			}
		case *flow.Socket:
			if o.Local.Port() != 80 || o.Peer.Port() != 0 {
				out = append(out, o)
			}
		default:
			out = append(out, o)
		}
	}
	return out
}

// A translation whose removal nobody told is not told with the others any more.
func TestTranslationsThatAreNotToldAgainEnd(t *testing.T) {
	e := attribution.New(attribution.Config{})
	for i := range 60 {
		var w world
		w.translation(1, "10.0.0.1:1 > 10.9.9.9:443", "10.0.0.2:80 > 10.0.0.1:1", made(second))
		if i < 10 {
			w.translation(1, "10.0.0.1:2 > 10.9.9.9:443", "10.0.0.2:80 > 10.0.0.1:2", made(second))
		}
		for _, o := range w.obs {
			e.Apply(o)
		}
		e.Close(func(*attribution.Change) {})
		if got, want := e.Numbers()["translations"], 2; i < 30 && got != want {
			t.Fatalf("%d translations after %d windows, want %d", got, i, want)
		}
	}
	if got := e.Numbers()["translations"]; got != 1 {
		t.Errorf("%d translations are left, want the one that is told", got)
	}
}
