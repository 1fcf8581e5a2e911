package mesh

import (
	"cmp"
	"slices"

	"peerscope/internal/flow"
)

const (
	// leastBytes is the payload of both directions below which equal counts say
	// nothing: greetings and heartbeats are alike everywhere.
	leastBytes = 32
	// prompt is how long after its inbound connection a forwarder makes its own.
	prompt = flow.Time(1e9)
	// mostAlike bounds how many connections with the same counts are compared.
	mostAlike = 256
	// mostLooked bounds how many with other counts are looked at for one.
	mostLooked = 4096
	// bufferShare is the part of a connection's payload that may be in a proxy's
	// buffers while it lives, and headerShare the part that it may add or remove.
	bufferShare, headerShare = 64, 8
	// leastSum is the payload from which on a share of it means something.
	leastSum = 512
)

// passedOn: the two moved the same bytes in both directions and lived at the same
// time, the outbound one not before the inbound one.
func (p *proxy) passedOn(i, o int) bool {
	in, out := &p.legs[i], &p.legs[o]
	if apart(in, out) || out.First <= in.After || payload(in) < leastBytes {
		return false
	}
	if !p.known() && (in.After == 0 || out.After == 0 || out.After-in.First > prompt) {
		return false
	}
	living := p.known() && !(in.Over && out.Over)
	return same(in.ToServer, out.ToServer, living) && same(out.ToClient, in.ToClient, living)
}

// passedOnAs keeps of a list those that moved the bytes of o.
func (p *proxy) passedOnAs(list []int, o int) (exact []int) {
	for _, i := range list {
		if p.passedOn(i, o) {
			exact = append(exact, i)
		}
	}
	return exact
}

func payload(h *flow.Leg) uint64 { return h.ToServer.Value + h.ToClient.Value }

// same: what was received is what was sent on; while both live a part of it may be
// under way.
func same(received, sent flow.Amount, living bool) bool {
	if !received.Known || !sent.Known {
		return false
	}
	var slack uint64
	if received.Inexact || sent.Inexact {
		slack = 2 // each may count a FIN
	}
	under := slack
	if living {
		under += received.Value / bufferShare
	}
	return sent.Value <= received.Value+slack && received.Value <= sent.Value+under
}

// alike: they moved about as much in both directions.
func alike(in, out *flow.Leg) bool {
	return payload(in) >= leastBytes && near(in.ToServer, out.ToServer) && near(in.ToClient, out.ToClient)
}

// near: one is the other but for what a proxy adds or removes.
func near(a, b flow.Amount) bool {
	if !a.Known || !b.Known {
		return false
	}
	low, high := min(a.Value, b.Value), max(a.Value, b.Value)
	return high-low <= high/headerShare
}

// byBytes pairs what moved the same bytes. The connections that fit one another in
// any way are decided together: each has to belong to one of the others, and where
// that is the same client, or the same server, it does not matter which.
func (p *proxy) byBytes(rest []int) {
	for known := false; !known; { // one that is found lets it be known for what it is
		known = p.known()
		paired := map[int]bool{}
		for o := range p.pairs {
			paired[o] = true
		}
		open := slices.DeleteFunc(slices.Clone(rest), func(o int) bool { return paired[o] })
		for _, g := range p.groups(p.free(), open) {
			if p.oneClient(g.in) && (len(g.out) <= len(g.in) || p.oneServer(g.out)) {
				for o, fits := range g.fits {
					p.pairs[o] = pair{in: fits, by: flow.PairTiming}
				}
				p.equal = true
			}
		}
		if !p.equal {
			return
		}
	}
}

// group is inbound and outbound connections that fit one another.
type group struct {
	in, out []int
	fits    map[int][]int // inbound ones of each outbound one
}

// groups splits connections into the smallest such groups, in the order of their
// outbound ones.
func (p *proxy) groups(in, out []int) []*group {
	alike := p.alikes(in)
	fits := map[int][]int{}
	root := map[int]int{} // of an inbound one, another one of its group
	var find func(i int) int
	find = func(i int) int {
		if up, ok := root[i]; ok && up != i {
			root[i] = find(up)
			return root[i]
		}
		root[i] = i
		return i
	}
	for _, o := range out {
		list := alike.fitting(p, o)
		fits[o] = list
		for _, i := range list {
			root[find(i)] = find(list[0])
		}
	}
	of := map[int]*group{}
	var all []*group
	for _, o := range out {
		if len(fits[o]) == 0 {
			continue
		}
		r := find(fits[o][0])
		if of[r] == nil {
			of[r] = &group{fits: map[int][]int{}}
			all = append(all, of[r])
		}
		of[r].out = append(of[r].out, o)
		of[r].fits[o] = fits[o]
	}
	for i := range root {
		g := of[find(i)]
		g.in = append(g.in, i)
	}
	return all
}

// alikes are inbound connections sorted by what they sent, then by age.
type alikes struct {
	in  []int
	gap flow.Time // the most that is not known of when one of them was opened
}

func (p *proxy) alikes(in []int) alikes {
	a := alikes{in: slices.Clone(in)}
	slices.SortFunc(a.in, func(x, y int) int {
		return cmp.Or(cmp.Compare(p.legs[x].ToServer.Value, p.legs[y].ToServer.Value), cmp.Compare(p.legs[x].First, p.legs[y].First), cmp.Compare(x, y))
	})
	for _, i := range in {
		if h := &p.legs[i]; h.After != 0 {
			a.gap = max(a.gap, h.First-h.After)
		} else {
			a.gap = max(a.gap, 1<<62) // it may be of any age
		}
	}
	return a
}

// fitting are those that o may have been made for; nil also if there are too many
// to be compared.
func (a *alikes) fitting(p *proxy, o int) []int {
	out := &p.legs[o]
	sent := out.ToServer.Value
	most := sent + 2
	if p.known() {
		most += sent/bufferShare*2 + 2
	}
	var list []int
	looked := 0
	for v := sent - min(sent, 2); v <= most; {
		from, _ := slices.BinarySearchFunc(a.in, v, func(i int, v uint64) int { return cmp.Compare(p.legs[i].ToServer.Value, v) })
		if from == len(a.in) {
			break
		}
		v = p.legs[a.in[from]].ToServer.Value
		if v > most {
			break
		}
		block := a.in[from:]
		to, _ := slices.BinarySearchFunc(block, v+1, func(i int, v uint64) int { return cmp.Compare(p.legs[i].ToServer.Value, v) })
		block = block[:to]
		// The youngest that may have been there, and older ones.
		young, _ := slices.BinarySearchFunc(block, out.First, func(i int, t flow.Time) int { return cmp.Compare(p.legs[i].First-min(a.gap, p.legs[i].First), t) })
		for k := young - 1; k >= 0; k-- {
			if !p.known() && out.After-p.legs[block[k]].First > prompt {
				break
			}
			if looked++; looked > mostLooked {
				return nil
			}
			if p.passedOn(block[k], o) {
				if list = append(list, block[k]); len(list) > mostAlike {
					return nil
				}
			}
		}
		v++
	}
	return list
}

// known: it is a proxy by its name or by what it did before.
func (p *proxy) known() bool { return p.named || p.taken || p.equal }

// bySum pairs all that is left of a proxy that is known for one: if it had one
// client and one server, and moved about as much on either side, it moved that
// client's to that server, however it shared its connections.
func (p *proxy) bySum() {
	if !p.known() {
		return
	}
	moved := func(list []int) []int {
		return slices.DeleteFunc(list, func(n int) bool { return payload(&p.legs[n]) == 0 })
	}
	in := moved(p.free())
	out := moved(slices.DeleteFunc(slices.Clone(p.out), func(o int) bool { _, ok := p.pairs[o]; return ok }))
	// What nobody can have caused it made for itself.
	out = slices.DeleteFunc(out, func(o int) bool {
		return !slices.ContainsFunc(in, func(i int) bool { return p.legs[i].After < p.legs[o].First && !apart(&p.legs[i], &p.legs[o]) })
	})
	if len(in) == 0 || len(out) == 0 || !p.oneClient(in) || !p.oneServer(out) {
		return
	}
	a, b := p.sum(in), p.sum(out)
	if payload(&a) < leastSum || !near(a.ToServer, b.ToServer) || !near(a.ToClient, b.ToClient) {
		return
	}
	for _, o := range out {
		p.pairs[o] = pair{in: in, by: flow.PairTiming}
	}
}

// sum adds up what connections moved; what is not known of one is not known of all.
func (p *proxy) sum(list []int) flow.Leg {
	all := flow.Leg{ToServer: flow.Amount{Known: true}, ToClient: flow.Amount{Known: true}}
	for _, n := range list {
		h := &p.legs[n]
		all.ToServer.Value += h.ToServer.Value
		all.ToClient.Value += h.ToClient.Value
		all.ToServer.Known = all.ToServer.Known && h.ToServer.Known
		all.ToClient.Known = all.ToClient.Known && h.ToClient.Known
	}
	return all
}
