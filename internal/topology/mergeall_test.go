package topology_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// windows plays a random life of some edges and gives its windows. In some of them
// nothing happens. Names are of addresses that are in none.
func windows(r *rand.Rand, n int, names ...flow.AddressName) []*topology.Map {
	d, l := world(), topology.NewLedger()
	open := map[flow.EdgeRef][]flow.Change{}
	var out []*topology.Map
	for w := range n {
		for range r.IntN(2) * r.IntN(12) {
			ref := flow.EdgeRef(1 + r.IntN(3))
			c := *change(ref, r.Uint64N(1000), r.Uint64N(1000))
			c.Peer, c.Role, c.RTT = flow.PeerEvidence(r.IntN(3)), flow.RoleEvidence(r.IntN(3)), r.Uint32N(3000)
			switch r.IntN(5) {
			case 0: // fails
				c.Active, c.Opened, c.Failed, c.Errno = 0, false, true, []string{"ECONNREFUSED", "ETIMEDOUT"}[r.IntN(2)]
			case 1: // dialled elsewhere
				c.Dialed = netip.MustParseAddrPort(fmt.Sprintf("10.0.0.%d:80", r.IntN(3)))
				open[ref] = append(open[ref], c)
			case 2: // of one direction nobody knows
				c.Bytes.ToA = flow.Amount{}
				c.SideA = flow.Traffic{ToB: known(5)}
				open[ref] = append(open[ref], c)
			default:
				open[ref] = append(open[ref], c)
			}
			l.Add(&c)
			if len(open[ref]) > 0 && r.IntN(2) == 0 {
				e := open[ref][0]
				open[ref] = open[ref][1:]
				l.Add(&flow.Change{Edge: ref, Peer: e.Peer, Role: e.Role, Active: -1})
				l.Add(&flow.Change{Edge: ref, Peer: e.Peer, Role: e.Role, Ended: true, Closed: true})
			}
		}
		facts := topology.Facts{Names: names, Gaps: []flow.Gap{{Code: fmt.Sprint("gap", r.IntN(3)), Reason: "x"}}}
		facts.Lost[r.IntN(len(facts.Lost))] = r.Uint64N(5)
		m := l.Map(d, facts)
		m.Window = topology.Window{Start: fmt.Sprintf("2026-01-01T00:00:%02d.000Z", w), End: fmt.Sprintf("2026-01-01T00:00:%02d.000Z", w+1)}
		out = append(out, m)
		l.Reset()
	}
	return out
}

// TestMergeAllIsMergeAgainAndAgain, and can be merged on: what is open is still
// known.
func TestMergeAllIsMergeAgainAndAgain(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		list := windows(r, 2+r.IntN(7))
		before, _ := json.Marshal(list)
		want := list[0]
		for _, m := range list[1:] {
			want = topology.Merge(want, m)
		}
		cut := 1 + r.IntN(len(list)-1)
		for name, got := range map[string]*topology.Map{
			"at once": topology.MergeAll(list),
			"in two":  topology.Merge(topology.MergeAll(list[:cut]), topology.MergeAll(list[cut:])),
		} {
			g, _ := json.MarshalIndent(got, "", " ")
			w, _ := json.MarshalIndent(want, "", " ")
			if d := cmp.Diff(string(w), string(g)); d != "" {
				t.Fatalf("seed %d, %d maps merged %s (-want +got):\n%s", seed, len(list), name, d)
			}
		}
		if after, _ := json.Marshal(list); string(before) != string(after) {
			t.Fatalf("seed %d: merging changed the maps", seed)
		}
	}
	if topology.MergeAll(nil) != nil {
		t.Error("nothing merged is something")
	}
}

// TestIdleEdgesAreShared: maps of windows in which nothing happened on an edge have it
// in common, and it is what it would be if each wrote it anew.
func TestIdleEdgesAreShared(t *testing.T) {
	shared, seen := 0, 0
	for seed := range uint64(100) {
		named := flow.AddressName{Addr: netip.MustParseAddr("192.0.2.1"), Kind: flow.AddressService, Name: "elsewhere"}
		got := windows(rand.New(rand.NewPCG(seed, 2)), 8)
		want := windows(rand.New(rand.NewPCG(seed, 2)), 8, named)
		for i := range want {
			g, _ := json.MarshalIndent(got[i], "", " ")
			w, _ := json.MarshalIndent(want[i], "", " ")
			if d := cmp.Diff(string(w), string(g)); d != "" {
				t.Fatalf("seed %d, window %d (-want +got):\n%s", seed, i, d)
			}
			if i == 0 {
				continue
			}
			for _, e := range got[i].Edges {
				for _, before := range got[i-1].Edges {
					if e.ID == before.ID && e.Bytes != nil {
						if seen++; e.Bytes == before.Bytes {
							shared++
						}
					}
				}
			}
		}
	}
	if shared < 50 {
		t.Errorf("%d of %d edges are shared with the window before", shared, seen)
	}
}

func BenchmarkMergeAll(b *testing.B) {
	for _, edges := range []int{1000, 5000} {
		m := &topology.Map{Window: topology.Window{Start: "2026-01-01T00:00:00.000Z", End: "2026-01-01T00:00:01.000Z"}}
		for i := range edges / 2 {
			m.Nodes = append(m.Nodes, topology.Node{ID: fmt.Sprintf("process:%06d@7", i), Kind: topology.KindProcess, Name: "web"})
		}
		for i := range edges {
			m.Edges = append(m.Edges, topology.Edge{ID: fmt.Sprintf("e:%08d", i), Client: m.Nodes[i%len(m.Nodes)].ID, Server: m.Nodes[0].ID,
				Transport: "tcp", ServerPort: 80, Connections: topology.Connections{Active: 1},
				Evidence: topology.Evidence{Peer: map[string]uint64{"sequence": 1}, Role: map[string]uint64{"handshake": 1}},
				Bytes:    &topology.Bytes{ToServer: new(uint64(1)), ToClient: new(uint64(2))},
				Sides:    &topology.Sides{Client: &topology.Bytes{ToServer: new(uint64(1)), ToClient: new(uint64(2))}},
				RTT:      &topology.Stat{Count: 1, Sum: 70, Min: 70, Max: 70, Buckets: topology.Buckets{{UpTo: 100, Count: 1}}}})
		}
		list := make([]*topology.Map, 25)
		for i := range list {
			list[i] = m
		}
		b.Run(fmt.Sprint(edges, "x25"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				topology.MergeAll(list)
			}
		})
	}
}
