package attribution_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
)

// Random flows between sockets on own and on any addresses, in namespaces some
// of which share addresses: the answer does not depend on the order, nor on
// telling twice, and every edge between two processes is a true one.
func TestDatagramsShuffled(t *testing.T) {
	for seed := range uint64(80) {
		w, truth := datagramWorld(seed, true)
		want := edgesOf(mapOf(w.obs))
		for _, p := range pairsOf(mapOf(w.obs)) {
			if !truth[p] {
				t.Fatalf("seed %d: %s never talked", seed, p)
			}
		}
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

// A missing telling costs what it tells and nothing else.
func TestMissingDatagramsNeverMakeWrongEdges(t *testing.T) {
	for seed := range uint64(80) {
		w, truth := datagramWorld(seed, false)
		r := rand.New(rand.NewPCG(seed, 12))
		some := slices.DeleteFunc(w.obs, func(o flow.Observation) bool {
			_, isSocket := o.(*flow.Socket)
			return isSocket && r.IntN(10) == 0
		})
		for _, p := range pairsOf(mapOf(some)) {
			if !truth[p] {
				t.Fatalf("seed %d: %s is an edge only if something is missing", seed, p)
			}
		}
	}
}

func datagramWorld(seed uint64, reuse bool) (w *world, truth map[string]bool) {
	w, truth = &world{}, map[string]bool{}
	r := rand.New(rand.NewPCG(seed, 11))
	addrs := [][]string{{"10.0.0.1", "fd00::1"}, {"10.0.0.2", "10.0.0.9"}, {"10.0.0.1"}, {"10.0.0.4", "192.0.2.0/24"}}
	for i, a := range addrs {
		w.netns(flow.NetnsID(i+1), a...)
	}
	type endpoint struct {
		ns   int
		proc flow.ProcessKey
	}
	servers := map[string]endpoint{}
	for i := range 24 {
		port := 4000 + i
		if reuse {
			port = 4000 + r.IntN(8)
		}
		cns, sns := r.IntN(4), r.IntN(4)
		from, to := addrs[cns][0], addrs[sns][0]
		if cns == sns && r.IntN(2) == 0 {
			from, to = "127.0.0.1", "127.0.0.1"
		}
		if cns != sns && from == to { // its own address: it never leaves
			sns = cns
		}
		client := w.process(int32(100+i), fmt.Sprintf("p%d", 90+i))
		s, ok := servers[fmt.Sprint(sns)]
		if !ok {
			s = endpoint{sns, w.process(int32(10+sns), fmt.Sprintf("s%d", sns))}
			servers[fmt.Sprint(sns)] = s
		}
		began := flow.Time(i) * second
		local, far := fmt.Sprintf("%s:%d", from, port), fmt.Sprintf("%s:53", to)
		mine, theirs := local, far
		c, d := []opt{opened(began), at(began + second/2), held(client), datagrams(1, 2)}, []opt{opened(began), at(began + second/2), held(s.proc), datagrams(2, 1)}
		if r.IntN(2) == 0 {
			mine, c = fmt.Sprintf("0.0.0.0:%d", port), append(c, unconnected)
		}
		if mine != local || r.IntN(2) == 0 {
			theirs, d = "0.0.0.0:53", append(d, unconnected)
		}
		if r.IntN(2) == 0 {
			c, d = append(c, first(flow.Client)), append(d, first(flow.Server))
		}
		w.socket(flow.NetnsID(cns+1), mine+" > "+far, append(c, gone)...)
		w.socket(flow.NetnsID(sns+1), theirs+" > "+local, append(d, gone)...)
		truth[fmt.Sprintf("p%d > s%d", 90+i, sns)] = true
	}
	return w, truth
}

func TestManyDatagramSocketsThatLookAlike(t *testing.T) {
	// Anybody may use all of 127.0.0.0/8. Comparing each with each would take
	// minutes.
	var w world
	ns := w.netns(1)
	a, s := w.process(10, "a"), w.process(20, "s")
	w.bound(ns, "0.0.0.0:53", s)
	for i := range 30_000 {
		there := fmt.Sprintf("127.1.%d.%d", i>>8, i&255)
		w.socket(ns, "0.0.0.0:4000 > "+there+":53", held(a), unconnected, first(flow.Client), datagrams(1, 0))
	}
	w.socket(ns, "0.0.0.0:53 > 127.0.0.1:4000", held(s), unconnected, first(flow.Server), datagrams(0, 30_000))
	got := edgesOf(mapOf(w.obs))
	want := []string{
		"127.0.0.1@1 > s udp 53 | none 1 | listener 1 | active 1 opened 1 | 30000/0",
		"a > s udp 53 | listener 30000 | first-datagram 30000 | active 30000 opened 30000 | 30000/0",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
