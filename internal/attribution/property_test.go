package attribution_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// randomWorld makes connections of every kind: over loopback and between
// namespaces, twins, resets, refused and pending ones, handovers, ports used
// again, such as are told when they are over, UDP and unix sockets.
func randomWorld(seed uint64, connections int) *world { return someWorld(seed, connections, true) }

// someWorld is a random world in which ports may be used again.
func someWorld(seed uint64, connections int, reuse bool) *world {
	w := &world{}
	r := rand.New(rand.NewPCG(seed, 7))
	spaces := []flow.NetnsID{w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2"), w.netns(3, "10.0.0.1"), w.netns(4, "10.0.0.2", "fd00::4")}
	var procs []flow.ProcessKey
	for i := range 8 {
		procs = append(procs, w.process(int32(10+i), fmt.Sprintf("p%d", i)))
	}
	any := func() flow.ProcessKey { return procs[r.IntN(len(procs))] }
	for i := range 4 {
		w.listener(spaces[i], "0.0.0.0:80", any())
	}
	for i := range connections {
		w.another()
		c, s := any(), any()
		port := 4000 + i
		if reuse {
			port = 4000 + r.IntN(connections)
		}
		ns := spaces[r.IntN(4)]
		tc := fmt.Sprintf("127.0.0.1:%d > 127.0.0.1:80", port)
		peerNS := ns
		if r.IntN(2) == 0 {
			ns, peerNS = spaces[r.IntN(2)*2], spaces[r.IntN(2)*2+1]
			tc = fmt.Sprintf("10.0.0.1:%d > 10.0.0.2:80", port)
		}
		m := tuple(tc).Mirror()
		ts := m.Local.String() + " > " + m.Peer.String()
		sent, back := uint64(r.IntN(1000)), uint64(r.IntN(1000))
		t0 := flow.Time(i) * second
		switch r.IntN(10) {
		case 0: // refused
			w.socket(ns, tc, at(t0), func(o *flow.Socket) { o.State, o.Final = flow.Close, true })
		case 1: // pending
			w.socket(ns, tc, at(t0), held(c), state(flow.SynSent))
		case 2: // only deaths
			w.socket(ns, tc, at(t0), died, asClient(sent, back))
			w.socket(peerNS, ts, at(t0), died, asServer(back, sent))
		case 3: // reset by the client, nameless
			w.socket(ns, fmt.Sprintf("0.0.0.0:%d > %s:0", port, tuple(tc).Peer.Addr()), at(t0), vanished)
			w.socket(peerNS, ts, at(t0), held(s), died, asServer(back, sent))
		case 4: // handed over
			a := w.socket(ns, tc, at(t0), held(c), asClient(sent, back))
			w.socket(peerNS, ts, at(t0), held(s), asServer(back, sent))
			w.socket(ns, tc, cookie(a.Cookie), at(t0+5*second), held(any()), asClient(sent+5, back))
			w.tell(&flow.Handover{Time: start + t0 + 5*second, Cookie: a.Cookie, From: c, Counters: a.Counters})
		case 5: // told when it is over, and exactly
			w.socket(ns, tc, at(t0+second/2), opened(t0), held(c), first(flow.Client), exactClient(sent/2, back/2), connected(70))
			w.socket(ns, tc, cookie(w.cookie), at(t0+second), opened(t0), held(c), first(flow.Client), exactClient(sent, back), connected(70), ended)
			w.socket(peerNS, ts, at(t0+second), opened(t0), held(s), exactServer(back, sent), ended)
		case 6: // the same with an identity
			id := uint32(i) * 1000
			w.socket(ns, tc, at(t0+second), opened(t0), held(c), sequence(id, id+500), exactClient(sent, back), ended)
			w.socket(peerNS, ts, at(t0+second), opened(t0), held(s), sequence(id+500, id+1), exactServer(back, sent), ended)
		default:
			a := w.socket(ns, tc, at(t0), held(c), asClient(sent, back))
			b := w.socket(peerNS, ts, at(t0), held(s), asServer(back, sent))
			if r.IntN(2) == 0 {
				w.socket(ns, tc, cookie(a.Cookie), at(t0+second/2), died, asClient(sent+9, back))
				w.socket(peerNS, ts, cookie(b.Cookie), at(t0+second/2), died, asServer(back, sent+9))
			}
		}
	}
	for i := range connections / 4 {
		w.another()
		inode := uint64(9000 + 2*i)
		w.tell(&flow.UnixSocket{Time: start, Inode: inode, Netns: 1, Type: flow.UnixStream, State: flow.Established, Peer: inode + 1, Holders: []flow.ProcessKey{any()}},
			&flow.UnixSocket{Time: start, Inode: inode + 1, Netns: 1, Type: flow.UnixStream, State: flow.Established, Peer: inode, Path: "/run/x", Holders: []flow.ProcessKey{any()}})
		w.another()
		w.socket(1, fmt.Sprintf("127.0.0.1:%d > 127.0.0.1:53", 5000+i), udp, held(any()))
	}
	w.another()
	w.socket(1, "127.0.0.1:53", udp, state(flow.Close), held(any()))
	return w
}

func TestShufflingAndRepeatingChangeNothing(t *testing.T) {
	for seed := range uint64(60) {
		w := randomWorld(seed, 30)
		want := edgesOf(mapOf(w.obs))
		r := rand.New(rand.NewPCG(seed, 8))
		for range 4 {
			obs := slices.Clone(w.obs)
			for range r.IntN(20) {
				obs = append(obs, obs[r.IntN(len(obs))])
			}
			r.Shuffle(len(obs), func(i, j int) { obs[i], obs[j] = obs[j], obs[i] })
			if d := cmp.Diff(want, edgesOf(mapOf(obs))); d != "" {
				t.Fatalf("seed %d (-in order +shuffled):\n%s", seed, d)
			}
		}
	}
}

// The same facts in two windows, merged, are the same as in one: what happened
// adds up, what is open is open.
func TestSplittingAndMergingChangesNothing(t *testing.T) {
	for seed := range uint64(60) {
		w := steadyWorld(seed)
		whole := mapOf(w.obs)
		r := rand.New(rand.NewPCG(seed, 9))
		cut := r.IntN(len(w.obs))
		e, l := attribution.New(attribution.Config{}), topology.NewLedger()
		for _, o := range w.obs[:cut] {
			e.Apply(o)
		}
		e.Close(l.Add)
		first := factsOf(e, l)
		l.Reset()
		for _, o := range w.obs[cut:] {
			e.Apply(o)
		}
		e.Close(l.Add)
		merged := topology.Merge(first, factsOf(e, l))
		if d := cmp.Diff(connectionsOf(whole), connectionsOf(merged)); d != "" {
			t.Fatalf("seed %d, cut at %d of %d (-whole +merged):\n%s", seed, cut, len(w.obs), d)
		}
	}
}

// steadyWorld tells both ends of each connection together, so that no cut
// through it shows a connection by one end only.
func steadyWorld(seed uint64) *world {
	w := &world{}
	r := rand.New(rand.NewPCG(seed, 3))
	ns := w.netns(1)
	procs := []flow.ProcessKey{w.process(10, "a"), w.process(20, "b"), w.process(30, "c")}
	for i := range 20 {
		c, s := procs[r.IntN(3)], procs[r.IntN(3)]
		t1 := fmt.Sprintf("127.0.0.1:%d > 127.0.0.1:80", 4000+i)
		t2 := fmt.Sprintf("127.0.0.1:80 > 127.0.0.1:%d", 4000+i)
		sent := uint64(r.IntN(500))
		a := w.socket(ns, t1, at(flow.Time(i)*second), held(c), asClient(sent, sent))
		b := w.socket(ns, t2, at(flow.Time(i)*second), held(s), asServer(sent, sent))
		if r.IntN(2) == 0 {
			w.socket(ns, t1, cookie(a.Cookie), at(flow.Time(i+30)*second), died, asClient(sent+3, sent))
			w.socket(ns, t2, cookie(b.Cookie), at(flow.Time(i+30)*second), died, asServer(sent, sent+3))
		}
	}
	return w
}

// connectionsOf sums a map in what a cut through the middle of a connection's
// two tellings cannot change: a half told in one window and its other end in
// the next is first an edge to an address, then the right one.
func connectionsOf(m *topology.Map) map[string]uint64 {
	out := map[string]uint64{}
	for _, e := range m.Edges {
		out["active"] += e.Connections.Active
		out["opened"] += e.Connections.Opened
		out["closed"] += e.Connections.Closed
		out["failed"] += e.Connections.Failed
		if e.Bytes != nil && e.Bytes.ToServer != nil && e.Bytes.ToClient != nil {
			out["to_server"] += *e.Bytes.ToServer
			out["to_client"] += *e.Bytes.ToClient
		}
	}
	return out
}

// A late or missing event costs what it tells and nothing else.
func TestMissingEventsNeverMakeWrongEdges(t *testing.T) {
	for seed := range uint64(60) {
		w := someWorld(seed, 30, false)
		right := map[string]bool{}
		for _, p := range pairsOf(mapOf(w.obs)) {
			right[p] = true
		}
		r := rand.New(rand.NewPCG(seed, 10))
		var some []flow.Observation
		for _, o := range w.obs {
			if _, isSocket := o.(*flow.Socket); !isSocket || r.IntN(10) > 0 {
				some = append(some, o)
			}
		}
		for _, p := range pairsOf(mapOf(some)) {
			if !right[p] && !truePair(w, p) {
				t.Fatalf("seed %d: %s is an edge only if events are missing", seed, p)
			}
		}
	}
}

// pairsOf are the edges between two processes that stand on the peer's own
// socket, as client > server.
func pairsOf(m *topology.Map) []string {
	name := map[string]string{}
	for _, n := range m.Nodes {
		if n.Kind == topology.KindProcess {
			name[n.ID] = n.Name
		}
	}
	var out []string
	for _, e := range m.Edges {
		if name[e.Client] != "" && name[e.Server] != "" && e.Evidence.Peer["tuple"]+e.Evidence.Peer["sequence"] > 0 {
			out = append(out, name[e.Client]+" > "+name[e.Server])
		}
	}
	return out
}

// truePair: some connection of the world was made between the two, in the
// order in which the world writes its ends.
func truePair(w *world, pair string) bool {
	var last *flow.Socket
	for _, o := range w.obs {
		s, ok := o.(*flow.Socket)
		if !ok || len(s.Holders) == 0 {
			continue
		}
		if last != nil && last.Tuple.Mirror() == s.Tuple {
			if fmt.Sprintf("p%d > p%d", last.Holders[0].PID-10, s.Holders[0].PID-10) == pair {
				return true
			}
		}
		if s.Peer.Port() == 80 {
			last = s
		}
	}
	return false
}
