package mesh_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
	"peerscope/internal/mesh"
)

const ms = flow.Time(1e6)

// start is when the first connection of a test began.
const start = 1_700_000_000_000 * ms

// The processes of the tests, by number.
const (
	x, y, p, q, s, t = flow.NodeRef(1), flow.NodeRef(2), flow.NodeRef(3), flow.NodeRef(4), flow.NodeRef(5), flow.NodeRef(6)
)

var nodeNames = map[flow.NodeRef]string{x: "x", y: "y", p: "p", q: "q", s: "s", t: "t"}

type opt func(*flow.Leg)

// leg is a connection that is open, and was opened so many milliseconds after the
// start: "asked" or "asked/at" where the server's socket has another address.
func leg(client, server flow.NodeRef, addr string, began flow.Time, up, down uint64, with ...opt) flow.Leg {
	asked, at, redirected := strings.Cut(addr, "/")
	if !redirected {
		at = asked
	}
	h := flow.Leg{Client: client, Server: server, Asked: netip.MustParseAddrPort(asked), At: netip.MustParseAddrPort(at),
		First: start + began*ms, After: start + began*ms - 1, Last: start + (began+100)*ms, Active: true, Opened: true,
		ToServer: flow.Amount{Value: up, Known: true}, ToClient: flow.Amount{Value: down, Known: true}}
	h.ServerPort = h.At.Port()
	for _, f := range with {
		f(&h)
	}
	return h
}

func foreign(h *flow.Leg) { h.Foreign = true }
func near(h *flow.Leg)    { h.Near = true }
func home(h *flow.Leg)    { h.Home = true }
func adopted(h *flow.Leg) { h.After, h.Opened = 0, false }
func inexact(h *flow.Leg) { h.ToServer.Inexact, h.ToClient.Inexact = true, true }
func outside(h *flow.Leg) { h.At = netip.AddrPort{} }
func closed(after flow.Time) opt {
	return func(h *flow.Leg) { h.Last, h.Over, h.Active, h.Closed = h.First+after*ms, true, false, true }
}

func nobody(flow.NodeRef) bool { return false }
func named(flow.NodeRef) bool  { return true }

// show writes the answer as lines: "x > s 80 via p,q | original-destination 1 | active 1"
// and "p redirect", with "unjoined" where there are such.
func show(l flow.Logical) []string {
	var out []string
	for _, p := range l.Proxies {
		line := fmt.Sprint(nodeNames[p.Node], " ", p.Ground)
		if p.Unjoined > 0 {
			line += fmt.Sprint(" unjoined ", p.Unjoined)
		}
		out = append(out, line)
	}
	for _, e := range l.Edges {
		var via, pairing []string
		for _, v := range e.Via {
			via = append(via, nodeNames[v])
		}
		for i, n := range e.Pairing {
			if n > 0 {
				pairing = append(pairing, fmt.Sprint(flow.PairingNames[i], " ", n))
			}
		}
		line := fmt.Sprintf("%s > %s %d via %s | %s | active %d", nodeNames[e.Client], nodeNames[e.Server], e.ServerPort,
			strings.Join(via, ","), strings.Join(pairing, " "), e.Active)
		if len(e.Dialed) > 0 {
			line += fmt.Sprint(" dialed ", e.Dialed)
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

func TestCollapse(t0 *testing.T) {
	const app, vip, self = "10.0.0.2:80/127.0.0.1:15001", "10.96.0.1:80/10.0.0.1:8080", "10.0.0.1:80/10.0.0.1:15006"
	tests := []struct {
		name  string
		legs  []flow.Leg
		named func(flow.NodeRef) bool
		want  []string
	}{
		{"a sidecar calls what its app dialled", []flow.Leg{
			leg(x, p, app, 0, 100, 900, near), leg(p, s, "10.0.0.2:80", 1, 140, 950)}, nobody,
			[]string{"p redirect", "x > s 80 via p | original-destination 1 | active 1"}},
		{"a sidecar calls its app by loopback", []flow.Leg{
			leg(x, p, self, 0, 100, 900, home), leg(p, s, "127.0.0.1:80", 1, 100, 900)}, nobody,
			[]string{"p redirect", "x > s 80 via p | original-destination 1 | active 1 dialed [10.0.0.1:80]"}},
		{"two sidecars", []flow.Leg{
			leg(x, p, app, 0, 100, 900, near), leg(p, q, "10.0.0.2:80/10.0.0.2:15006", 1, 120, 920, home), leg(q, s, "127.0.0.1:80", 2, 100, 900)}, nobody,
			[]string{"p redirect", "q redirect", "x > s 80 via p,q | original-destination 1 | active 1 dialed [10.0.0.2:80]"}},
		{"a transparent proxy", []flow.Leg{
			leg(x, p, "10.0.0.2:80", 0, 100, 900, foreign), leg(p, s, "10.0.0.2:80", 1, 100, 900)}, nobody,
			[]string{"p tproxy", "x > s 80 via p | original-destination 1 | active 1"}},
		{"what it calls may be outside", []flow.Leg{
			leg(x, p, app, 0, 100, 900, near), leg(p, s, "10.0.0.2:80", 1, 140, 950, outside)}, nobody,
			[]string{"p redirect", "x > s 80 via p | original-destination 1 | active 1"}},
		{"calls of its own go elsewhere", []flow.Leg{
			leg(x, p, app, 0, 100, 900, near), leg(p, t, "10.0.0.9:15012", 1, 300, 4000)}, nobody, nil},
		{"what was open before the client came is its own", []flow.Leg{
			leg(x, p, app, 10, 100, 900, near), leg(p, s, "10.0.0.2:80", 1, 40, 50, closed(2))}, nobody, nil},
		{"two clients of one address, by what they moved", []flow.Leg{
			leg(x, p, app, 0, 100, 900, near), leg(p, s, "10.0.0.2:80", 1, 100, 900),
			leg(y, p, app, 0, 300, 700, near), leg(p, s, "10.0.0.2:80", 1, 300, 700)}, nobody,
			[]string{"p redirect", "x > s 80 via p | original-destination 1 | active 1", "y > s 80 via p | original-destination 1 | active 1"}},
		{"two clients of one address, through two sidecars", []flow.Leg{
			leg(x, p, app, 0, 100, 900, near), leg(p, q, "10.0.0.2:80/10.0.0.2:15006", 1, 100, 900, home), leg(q, s, "127.0.0.1:80", 2, 100, 900),
			leg(y, p, app, 0, 300, 700, near), leg(p, q, "10.0.0.2:80/10.0.0.2:15006", 1, 300, 700, home), leg(q, s, "127.0.0.1:80", 2, 300, 700)}, nobody,
			[]string{"p redirect", "q redirect", "x > s 80 via p,q | original-destination 1 | active 1 dialed [10.0.0.2:80]",
				"y > s 80 via p,q | original-destination 1 | active 1 dialed [10.0.0.2:80]"}},
		{"two clients through two sidecars, of which the second changes what it passes on", []flow.Leg{
			leg(x, p, app, 0, 100, 900, near), leg(p, q, "10.0.0.2:80/10.0.0.2:15006", 1, 100, 900, home), leg(q, s, "127.0.0.1:80", 2, 180, 990),
			leg(y, p, app, 0, 300, 700, near), leg(p, q, "10.0.0.2:80/10.0.0.2:15006", 1, 300, 700, home), leg(q, s, "127.0.0.1:80", 2, 380, 790)}, nobody,
			[]string{"p > s 80 via q | original-destination 2 | active 2 dialed [10.0.0.2:80]", "p redirect", "q redirect",
				"x > q 15006 via p | original-destination 1 | active 1 dialed [10.0.0.2:80]",
				"y > q 15006 via p | original-destination 1 | active 1 dialed [10.0.0.2:80]"}},
		{"two clients of one address that share connections", []flow.Leg{
			leg(x, p, app, 0, 100, 900, near), leg(y, p, app, 0, 300, 700, near), leg(p, s, "10.0.0.2:80", 1, 400, 1600)}, nobody,
			[]string{"p redirect unjoined 2"}},
		{"one client with two connections that share one", []flow.Leg{
			leg(x, p, app, 0, 100, 900, near), leg(x, p, app, 0, 300, 700, near), leg(p, s, "10.0.0.2:80", 1, 400, 1600)}, nobody,
			[]string{"p redirect", "x > s 80 via p | original-destination 2 | active 2"}},
		{"a service behind a virtual address that calls the same one", []flow.Leg{
			leg(x, p, vip, 0, 100, 900), leg(p, s, "10.96.0.1:80/10.0.0.3:8080", 1, 4000, 20)}, nobody, nil},
		{"a service that calls another one", []flow.Leg{
			leg(x, p, "10.0.0.1:80", 0, 100, 900), leg(p, s, "10.0.0.2:5432", 1, 150, 4000)}, nobody, nil},
		{"a forwarder", []flow.Leg{
			leg(x, p, "10.0.0.1:8080", 0, 100, 900, closed(50)), leg(p, s, "172.17.0.2:80", 1, 100, 900, closed(49))}, nobody,
			[]string{"p forward", "x > s 80 via p | timing 1 | active 0 dialed [10.0.0.1:8080]"}},
		{"a forwarder whose counts may hold a FIN", []flow.Leg{
			leg(x, p, "10.0.0.1:8080", 0, 101, 900, closed(50), inexact), leg(p, s, "172.17.0.2:80", 1, 100, 901, closed(49), inexact)}, nobody,
			[]string{"p forward", "x > s 80 via p | timing 1 | active 0 dialed [10.0.0.1:8080]"}},
		{"two forwarders in a row", []flow.Leg{
			leg(x, p, "10.0.0.1:8080", 0, 100, 900), leg(p, q, "10.0.0.1:8081", 1, 100, 900), leg(q, s, "172.17.0.2:80", 2, 100, 900)}, nobody,
			[]string{"p forward", "q forward", "x > s 80 via p,q | timing 1 | active 1 dialed [10.0.0.1:8080]"}},
		{"a forwarder to two servers, equal bytes of two clients", []flow.Leg{
			leg(x, p, "10.0.0.1:8080", 0, 100, 900), leg(p, s, "172.17.0.2:80", 1, 100, 900),
			leg(y, p, "10.0.0.1:8081", 0, 100, 900), leg(p, t, "172.17.0.3:80", 1, 100, 900)}, nobody, nil},
		{"a forwarder to two servers, equal bytes of one client", []flow.Leg{
			leg(x, p, "10.0.0.1:8080", 0, 100, 900), leg(p, s, "172.17.0.2:80", 1, 100, 900),
			leg(x, p, "10.0.0.1:8081", 0, 100, 900), leg(p, t, "172.17.0.3:80", 1, 100, 900)}, nobody,
			[]string{"p forward",
				"x > s 80 via p | timing 2 | active 2 dialed [10.0.0.1:8080 10.0.0.1:8081]",
				"x > t 80 via p | timing 2 | active 2 dialed [10.0.0.1:8080 10.0.0.1:8081]"}},
		{"one connection that may have been passed to either of two servers", []flow.Leg{
			leg(x, p, "10.0.0.1:8080", 0, 100, 900), leg(p, s, "172.17.0.2:80", 1, 100, 900), leg(p, t, "172.17.0.3:80", 1, 100, 900)}, nobody, nil},
		{"heartbeats are alike everywhere", []flow.Leg{
			leg(x, p, "10.0.0.1:7000", 0, 10, 5), leg(p, s, "10.0.0.2:7000", 1, 10, 5)}, nobody, nil},
		{"what was there before the observation says little of who is not known", []flow.Leg{
			leg(x, p, "10.0.0.1:7000", 0, 1000, 500, adopted), leg(p, s, "10.0.0.2:7000", 1, 1000, 500, adopted)}, nobody, nil},
		{"and enough of who is", []flow.Leg{
			leg(x, p, "10.0.0.1:7000", 0, 1000, 500, adopted), leg(p, s, "10.0.0.2:7000", 1, 1000, 500, adopted)}, named,
			[]string{"p forward", "x > s 7000 via p | timing 1 | active 1 dialed [10.0.0.1:7000]"}},
		{"the outbound connection came first", []flow.Leg{
			leg(x, p, "10.0.0.1:7000", 90, 1000, 500), leg(p, s, "10.0.0.2:7000", 1, 1000, 500)}, nobody, nil},
		{"the outbound connection came when the other was over", []flow.Leg{
			leg(x, p, "10.0.0.1:7000", 0, 1000, 500, closed(5)), leg(p, s, "10.0.0.2:7000", 50, 1000, 500)}, named,
			[]string{"p name unjoined 1"}},
		{"a shared connection of one client and one server", []flow.Leg{
			leg(x, p, "10.0.0.1:80", 0, 1000, 9000), leg(x, p, "10.0.0.1:80", 5, 1000, 9000), leg(p, s, "10.0.0.2:80", 1, 2100, 17900)}, named,
			[]string{"p name", "x > s 80 via p | timing 2 | active 2 dialed [10.0.0.1:80]"}},
		{"of who has not the name of a proxy, it says nothing", []flow.Leg{
			leg(x, p, "10.0.0.1:80", 0, 1000, 9000), leg(x, p, "10.0.0.1:80", 5, 1000, 9000), leg(p, s, "10.0.0.2:80", 1, 2100, 17900)}, nobody, nil},
		{"a shared connection of two clients", []flow.Leg{
			leg(x, p, "10.0.0.1:80", 0, 1000, 9000), leg(y, p, "10.0.0.1:80", 5, 1000, 9000), leg(p, s, "10.0.0.2:80", 1, 2100, 17900)}, named,
			[]string{"p name unjoined 2"}},
		{"it answered itself and asked somebody else something", []flow.Leg{
			leg(x, p, "10.0.0.1:80", 0, 1000, 9000), leg(p, s, "10.0.0.2:80", 1, 1000, 200)}, named,
			[]string{"p name unjoined 1"}},
		{"who calls himself passes nothing on", []flow.Leg{
			leg(p, p, "10.0.0.1:80", 0, 1000, 9000)}, named, nil},
		{"round in a circle", []flow.Leg{
			leg(q, p, "10.0.0.1:80", 0, 1000, 9000), leg(p, q, "10.0.0.2:80", 1, 1000, 9000)}, named,
			[]string{"p forward", "q > q 80 via p | timing 1 | active 1 dialed [10.0.0.1:80]", "q name unjoined 1"}},
	}
	for _, tt := range tests {
		t0.Run(tt.name, func(t *testing.T) {
			got := show(mesh.Collapse(tt.legs, tt.named))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			again := slices.Clone(tt.legs)
			slices.Reverse(again)
			if diff := cmp.Diff(got, show(mesh.Collapse(again, tt.named))); diff != "" {
				t.Errorf("in another order (-first +second):\n%s", diff)
			}
		})
	}
}

// TestCollapseNeverNamesTheWrongOne: proxies of three kinds in random worlds, some
// with requests that look alike, some that share their connections. Whatever is
// said is true; the order in which it was told does not matter.
func TestCollapseNeverNamesTheWrongOne(t *testing.T) {
	said := 0
	for seed := range uint64(400) {
		legs, truth := randomWorld(rand.New(rand.NewPCG(seed, 1)))
		named := func(flow.NodeRef) bool { return seed%2 == 0 }
		got := mesh.Collapse(legs, named)
		for _, e := range got.Edges {
			if !truth[[2]flow.NodeRef{e.Client, e.Server}] {
				t.Fatalf("seed %d: %d > %d via %v is not true", seed, e.Client, e.Server, e.Via)
			}
			said++
		}
		rand.Shuffle(len(legs), func(i, j int) { legs[i], legs[j] = legs[j], legs[i] })
		if diff := cmp.Diff(show(got), show(mesh.Collapse(legs, named))); diff != "" {
			t.Fatalf("seed %d: another order, another answer:\n%s", seed, diff)
		}
	}
	if said < 400 {
		t.Errorf("%d logical edges in 400 worlds: nothing is tested", said)
	}
}

// randomWorld is one proxy with up to four clients and three servers: it forwards
// each connection to the server of the port that was called, redirects, or shares
// one connection a server among all.
func randomWorld(r *rand.Rand) (legs []flow.Leg, truth map[[2]flow.NodeRef]bool) {
	truth = map[[2]flow.NodeRef]bool{}
	kind, sizes := r.IntN(3), 1+r.IntN(200)
	shared := map[flow.NodeRef]*flow.Leg{}
	for range 1 + r.IntN(12) {
		client, server := flow.NodeRef(10+r.IntN(1+r.IntN(4))), flow.NodeRef(20+r.IntN(1+r.IntN(3)))
		began, life := flow.Time(r.IntN(200)), flow.Time(1+r.IntN(50))
		up, down := uint64(40+r.IntN(sizes)), uint64(40+r.IntN(sizes))
		truth[[2]flow.NodeRef{client, server}] = true
		target := fmt.Sprintf("10.0.1.%d:80", server)
		asked, with := fmt.Sprintf("10.0.0.1:%d", 8000+server), closed(life)
		if kind == 1 {
			asked = target + "/127.0.0.1:15001"
		}
		in := leg(client, p, asked, began, up, down, with)
		in.Near = kind == 1
		legs = append(legs, in)
		if kind < 2 {
			legs = append(legs, leg(p, server, target, began+flow.Time(r.IntN(2)), up, down, with))
			continue
		}
		if shared[server] == nil {
			h := leg(p, server, target, began, 0, 0)
			shared[server] = &h
		}
		shared[server].ToServer.Value += up + 3
		shared[server].ToClient.Value += down
	}
	for _, h := range shared {
		legs = append(legs, *h)
	}
	if r.IntN(2) == 0 { // what the proxy does for itself
		legs = append(legs, leg(p, 30, "10.0.9.9:443", flow.Time(r.IntN(200)), uint64(r.IntN(5000)), uint64(r.IntN(5000))))
	}
	return legs, truth
}

// BenchmarkCollapse is a forwarder with ten thousand connections on either side.
func BenchmarkCollapse(b *testing.B) {
	for _, equal := range []bool{false, true} {
		b.Run(fmt.Sprintf("equal=%v", equal), func(b *testing.B) {
			var legs []flow.Leg
			for i := range 10_000 {
				size := uint64(100)
				if !equal {
					size += uint64(i)
				}
				legs = append(legs, leg(x, p, "10.0.0.1:8080", flow.Time(i), size, size, closed(50)), leg(p, s, "10.0.0.2:80", flow.Time(i)+1, size, size, closed(50)))
			}
			b.ReportAllocs()
			for b.Loop() {
				if l := mesh.Collapse(legs, nobody); len(l.Edges) != 1 {
					b.Fatalf("%d edges", len(l.Edges))
				}
			}
		})
	}
}
