package mesh

import (
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// proxy is a process that is called and calls, and may be one.
type proxy struct {
	node  flow.NodeRef
	legs  []flow.Leg
	in    []int // what it took, by number of leg
	out   []int // what it made
	named bool

	pairs map[int]pair // by outbound leg
	taken bool         // it called what was dialled through it
	clear bool         // some of that to an address that is not its own (TPROXY)
	equal bool         // it passed on byte for byte
}

// pair finds for each outbound connection the inbound ones it was made for.
func (p *proxy) pair() {
	p.pairs = map[int]pair{}
	rest := p.byOriginal()
	p.byBytes(rest)
	p.bySum()
}

// ground is by what the process is a proxy.
func (p *proxy) ground() flow.Ground {
	switch {
	case p.clear:
		return flow.GroundTransparent
	case p.taken:
		return flow.GroundRedirect
	case p.equal:
		return flow.GroundForward
	case p.named:
		return flow.GroundName
	}
	return flow.NoProxy
}

// free are the inbound connections that no pair has.
func (p *proxy) free() []int {
	used := map[int]bool{}
	for _, made := range p.pairs {
		for _, i := range made.in {
			used[i] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(p.in), func(i int) bool { return used[i] })
}

func (p *proxy) unjoined() uint64 { return uint64(len(p.free())) }

// dialled is the address that the client of an inbound connection asked for,
// where the proxy took it in that address's stead.
func dialled(i *flow.Leg) (netip.AddrPort, bool) {
	switch {
	case i.Foreign:
		return i.At, true
	case i.Asked.IsValid() && i.Asked != i.At:
		return i.Asked, true
	}
	return netip.AddrPort{}, false
}

// byOriginal pairs what was made to the very address that a client had dialled. It
// returns the outbound connections of which nothing of the kind can be said.
func (p *proxy) byOriginal() (rest []int) {
	byAddr := map[netip.AddrPort][]int{}
	for _, i := range p.in {
		h := &p.legs[i]
		to, ok := dialled(h)
		if !ok {
			continue
		}
		byAddr[to] = append(byAddr[to], i)
		if h.Home { // its own address, which it may as well call by loopback
			own := netip.AddrPortFrom(loopback(to.Addr()), to.Port())
			byAddr[own] = append(byAddr[own], i)
		}
	}
	for _, o := range p.out {
		out := &p.legs[o]
		var list []int
		began := false
		for _, i := range byAddr[out.Asked] {
			in := &p.legs[i]
			if apart(in, out) || mayBeOrdinary(in) && !alike(in, out) {
				continue
			}
			list = append(list, i)
			began = began || in.After < out.First
		}
		if list == nil || !began {
			rest = append(rest, o)
			continue
		}
		p.taken = true
		p.clear = p.clear || slices.ContainsFunc(list, func(i int) bool { return p.legs[i].Foreign })
		if len(list) > 1 { // of several, those that moved the very bytes
			if exact := p.passedOnAs(list, o); exact != nil {
				list = exact
			}
		}
		if p.oneClient(list) {
			p.pairs[o] = pair{in: list, by: flow.PairOriginal}
		}
	}
	return rest
}

func loopback(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// mayBeOrdinary: its client dialled an address that is nobody's here, as with any
// service behind a virtual address. A service may call that address too, on its
// own account. What a namespace redirects of its own comes by loopback.
func mayBeOrdinary(in *flow.Leg) bool {
	return !in.Foreign && !in.Home && !(in.Near && in.At.Addr().IsLoopback())
}

// apart: the two cannot have lived at the same time.
func apart(a, b *flow.Leg) bool {
	const ms = 1_000_000 // ends are known to the millisecond
	return a.Over && a.Last+ms <= b.After || b.Over && b.Last+ms <= a.After
}

func (p *proxy) oneClient(list []int) bool {
	return !slices.ContainsFunc(list, func(i int) bool { return p.legs[i].Client != p.legs[list[0]].Client })
}

func (p *proxy) oneServer(list []int) bool {
	first := &p.legs[list[0]]
	return !slices.ContainsFunc(list, func(o int) bool {
		return p.legs[o].Server != first.Server || p.legs[o].ServerPort != first.ServerPort
	})
}
