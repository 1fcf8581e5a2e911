package mesh

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// Collapse finds the proxies among those who are called and call, and joins what
// they took with what they made for it. named says of a process that it has the
// name of a proxy: of such a one weaker signs are enough.
func Collapse(legs []flow.Leg, named func(flow.NodeRef) bool) flow.Logical {
	c := collapse{legs: sorted(legs), from: map[int]pair{}, ways: map[int]way{}}
	byNode := map[flow.NodeRef]*proxy{}
	at := func(n flow.NodeRef) *proxy {
		if byNode[n] == nil {
			byNode[n] = &proxy{node: n, legs: c.legs}
		}
		return byNode[n]
	}
	for i := range c.legs {
		h := &c.legs[i]
		if h.Client == h.Server {
			continue // nobody passes on to himself
		}
		if h.At.IsValid() {
			at(h.Server).in = append(at(h.Server).in, i)
		}
		if h.Asked.IsValid() {
			at(h.Client).out = append(at(h.Client).out, i)
		}
	}
	var out flow.Logical
	for _, p := range byNode {
		if len(p.in) == 0 || len(p.out) == 0 {
			continue
		}
		p.named = named(p.node)
		p.pair()
		for o, made := range p.pairs {
			c.from[o] = made
		}
		if g := p.ground(); g != flow.NoProxy {
			out.Proxies = append(out.Proxies, flow.Proxy{Node: p.node, Ground: g, Unjoined: p.unjoined()})
		}
	}
	slices.SortFunc(out.Proxies, func(a, b flow.Proxy) int { return cmp.Compare(a.Node, b.Node) })
	out.Edges = c.edges()
	return out
}

// sorted copies the legs in an order that depends on nothing but themselves.
func sorted(legs []flow.Leg) []flow.Leg {
	out := slices.Clone(legs)
	slices.SortFunc(out, func(a, b flow.Leg) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Client, b.Client), cmp.Compare(a.Server, b.Server),
			a.Asked.Compare(b.Asked), a.At.Compare(b.At), cmp.Compare(a.Last, b.Last),
			cmp.Compare(a.ToServer.Value, b.ToServer.Value), cmp.Compare(a.ToClient.Value, b.ToClient.Value))
	})
	return out
}

// pair is what an outbound connection was made for: one of these inbound ones, all
// of which have the same client.
type pair struct {
	in []int
	by flow.Pairing
}

// collapse walks through pairs from proxy to proxy.
type collapse struct {
	legs []flow.Leg
	from map[int]pair // by outbound leg
	ways map[int]way  // those that were walked
}

// way is how a leg came about: whose it is, through which proxies, and the legs
// of that client that may have begun it, each with the weakest pairing.
type way struct {
	client flow.NodeRef
	via    []flow.NodeRef
	begun  map[int]flow.Pairing
	joined []int // the legs that it goes on from
}

// wayOf follows leg o back to where it began. Where the legs that it may have been
// made for began differently, it begins with them.
func (c *collapse) wayOf(o int) way {
	if w, ok := c.ways[o]; ok {
		return w
	}
	here := way{client: c.legs[o].Client, begun: map[int]flow.Pairing{o: 0}}
	c.ways[o] = here // one that comes round in a circle begins here
	made, ok := c.from[o]
	if !ok {
		return here
	}
	w := way{begun: map[int]flow.Pairing{}, joined: made.in}
	for k, i := range made.in {
		before := c.wayOf(i)
		if k == 0 {
			w.client, w.via = before.client, before.via
		}
		if before.client != w.client || !slices.Equal(before.via, w.via) || slices.Contains(before.via, here.client) {
			w = c.oneStep(made, here.client)
			c.ways[o] = w
			return w
		}
		for first, by := range before.begun {
			w.begun[first] = max(by, made.by)
		}
	}
	w.via = append(slices.Clone(w.via), here.client)
	c.ways[o] = w
	return w
}

// oneStep is the way through one proxy alone.
func (c *collapse) oneStep(made pair, proxy flow.NodeRef) way {
	w := way{client: c.legs[made.in[0]].Client, via: []flow.NodeRef{proxy}, begun: map[int]flow.Pairing{}}
	for _, i := range made.in {
		w.begun[i] = made.by
	}
	return w
}

// edges are the ways that end where no proxy passed them on.
func (c *collapse) edges() []flow.LogicalEdge {
	goesOn := map[int]bool{}
	for o := range c.legs {
		for _, i := range c.wayOf(o).joined {
			goesOn[i] = true
		}
	}
	var out []flow.LogicalEdge
	var begun []map[int]flow.Pairing // of each edge
	numbers := map[string]int{}
	for o := range c.legs {
		w, last := c.wayOf(o), &c.legs[o]
		if goesOn[o] || len(w.via) == 0 {
			continue
		}
		key := fmt.Sprint(w.client, last.Server, last.ServerPort, w.via)
		n, ok := numbers[key]
		if !ok {
			n = len(out)
			numbers[key] = n
			out = append(out, flow.LogicalEdge{Client: w.client, Server: last.Server, Via: w.via, ServerPort: last.ServerPort})
			begun = append(begun, map[int]flow.Pairing{})
		}
		really := last.At
		if !really.IsValid() {
			really = last.Asked
		}
		for first, by := range w.begun {
			if was, ok := begun[n][first]; !ok || by < was {
				begun[n][first] = by
			}
			if asked := c.legs[first].Asked; asked.IsValid() && asked != really && !slices.Contains(out[n].Dialed, asked) {
				out[n].Dialed = append(out[n].Dialed, asked)
			}
		}
	}
	for n := range out {
		for first, by := range begun[n] {
			out[n].Count(&c.legs[first], by)
		}
		slices.SortFunc(out[n].Dialed, netip.AddrPort.Compare)
	}
	return out
}
