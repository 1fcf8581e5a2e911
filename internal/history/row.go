package history

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"peerscope/internal/topology"
)

// identity is what makes an edge: what does not change while it lasts.
type identity struct {
	id, client, server string
	ends               []string
	transport          string
	serverPort         uint16
	endPorts           []uint16
	path               string
}

func (d *identity) equal(o *identity) bool {
	return d == o || d.id == o.id && d.client == o.client && d.server == o.server && d.transport == o.transport && d.serverPort == o.serverPort &&
		d.path == o.path && slices.Equal(d.ends, o.ends) && slices.Equal(d.endPorts, o.endPorts)
}

// sets are the rare parts of an edge that are no numbers. Nil: it has none.
type sets struct {
	Dialed     []string            `json:"dialed,omitempty"`
	Services   []string            `json:"services,omitempty"`
	Candidates map[string][]string `json:"candidates,omitempty"`
	Holders    map[string][]string `json:"holders,omitempty"`
}

func (s *sets) equal(o *sets) bool {
	if s == o || s == nil || o == nil {
		return s == o
	}
	same := func(a, b map[string][]string) bool { return maps.EqualFunc(a, b, slices.Equal[[]string]) }
	return slices.Equal(s.Dialed, o.Dialed) && slices.Equal(s.Services, o.Services) && same(s.Candidates, o.Candidates) && same(s.Holders, o.Holders)
}

// row is an edge in a window.
type row struct {
	edge    *identity
	form    *form
	numbers []uint64 // by column of form
	sets    *sets
}

// flattener makes rows of edges. It keeps memory between them.
type flattener struct {
	forms *forms
	edges map[string]*knownEdge // of the last windows, by id
	key   []byte
	names []string
	roles []string
}

// knownEdge is what is mostly the same in the next window.
type knownEdge struct {
	identity *identity
	sets     *sets
}

// row writes an edge down as numbers, which are added to the end of numbers.
func (f *flattener) row(e *topology.Edge, numbers []uint64) (row, []uint64) {
	from := len(numbers)
	f.key = f.key[:0]
	put := func(k kind, name string, n uint64) {
		f.key = appendColumn(f.key, k, name)
		numbers = append(numbers, n)
	}
	c := &e.Connections
	put(kindActive, "", c.Active)
	put(kindPending, "", c.Pending)
	put(kindOpened, "", c.Opened)
	put(kindClosed, "", c.Closed)
	put(kindFailed, "", c.Failed)
	putBytes(kindBytes, e.Bytes, put)
	putBytes(kindRetransmits, e.Retransmits, put)
	if s := e.Sides; s != nil {
		putBytes(kindSideClient, s.Client, put)
		putBytes(kindSideServer, s.Server, put)
		putBytes(kindSideFirst, s.First, put)
		putBytes(kindSideSecond, s.Second, put)
	}
	putStat(kindRTT, e.RTT, put)
	putStat(kindConnect, e.Connect, put)
	f.evidence(e, put)
	f.names = sortedInto(f.names[:0], e.Errors)
	for _, name := range f.names {
		put(kindError, name, e.Errors[name])
	}
	for _, name := range e.Inexact {
		put(kindInexact, name, 1)
	}
	f.protocols(e.Protocols, put)
	putBuckets(kindRTTBuckets, e.RTT.Distribution(), put)
	putBuckets(kindConnectBuckets, e.Connect.Distribution(), put)
	form, err := f.forms.of(f.key)
	if err != nil { // names that are there twice: not a map of this program
		return row{}, numbers[:from]
	}
	k := f.known(e)
	return row{edge: k.identity, form: form, numbers: numbers[from:len(numbers):len(numbers)], sets: k.sets}, numbers
}

// known is the edge of the last windows, as far as it is the same.
func (f *flattener) known(e *topology.Edge) *knownEdge {
	d := identity{id: e.ID, client: e.Client, server: e.Server, ends: e.Ends, transport: e.Transport, serverPort: e.ServerPort, endPorts: e.EndPorts, path: e.Path}
	s := setsOf(e)
	k := f.edges[e.ID]
	switch {
	case k == nil || !k.identity.equal(&d):
		k = &knownEdge{new(d), s}
	case !k.sets.equal(s):
		k = &knownEdge{k.identity, s}
	default:
		return k
	}
	f.edges[e.ID] = k
	return k
}

func setsOf(e *topology.Edge) *sets {
	if len(e.Dialed)+len(e.Services)+len(e.Candidates)+len(e.Holders) == 0 {
		return nil
	}
	return &sets{Dialed: e.Dialed, Services: e.Services, Candidates: e.Candidates, Holders: e.Holders}
}

// directions are the four that an edge may have, two of which it has.
func directions(b *topology.Bytes) [4]**uint64 {
	return [4]**uint64{&b.ToServer, &b.ToClient, &b.FirstToSecond, &b.SecondToFirst}
}

func putBytes(k kind, b *topology.Bytes, put func(kind, string, uint64)) {
	if b == nil {
		return
	}
	for i, n := range directions(b) {
		if *n != nil {
			put(k+kind(i), "", **n)
		}
	}
}

func putStat(k kind, s *topology.Stat, put func(kind, string, uint64)) {
	if s == nil {
		return
	}
	put(k, "", s.Count)
	put(k+1, "", s.Sum)
	put(k+2, "", s.Min)
	put(k+3, "", s.Max)
}

// bucketsTogether are put down if one of them has samples, so that there are few
// forms.
const bucketsTogether = 6

func putBuckets(k kind, list topology.Buckets, put func(kind, string, uint64)) {
	last := -1 // bucket that was put
	for len(list) > 0 {
		first := topology.BucketOf(list[0].UpTo) / bucketsTogether * bucketsTogether
		for i := first; i < min(first+bucketsTogether, len(topology.BucketBounds)+1); i++ {
			n := uint64(0)
			if len(list) > 0 && topology.BucketOf(list[0].UpTo) == i {
				n, list = list[0].Count, list[1:]
			}
			put(k+kind(i), "", n)
			last = i
		}
		if len(list) > 0 && topology.BucketOf(list[0].UpTo) <= last {
			return // not in order: not of this program
		}
	}
}

// sortedInto adds the sorted keys of counts.
func sortedInto(names []string, counts map[string]uint64) []string {
	for k := range counts {
		names = append(names, k)
	}
	if len(names) > 1 {
		slices.Sort(names)
	}
	return names
}

// evidence puts what ended, which is all but what is open, and what is open.
func (f *flattener) evidence(e *topology.Edge, put func(kind, string, uint64)) {
	open := e.Open()
	f.names, f.roles = sortedInto(f.names[:0], e.Evidence.Peer), sortedInto(f.roles[:0], e.Evidence.Role)
	ended := func(k kind, names []string, all, open map[string]uint64) {
		for _, name := range names {
			n := all[name]
			put(k, name, n-min(n, open[name]))
		}
	}
	ended(kindEndedPeer, f.names, e.Evidence.Peer, open.Peer)
	ended(kindEndedRole, f.roles, e.Evidence.Role, open.Role)
	for _, name := range f.names {
		put(kindOpenPeer, name, open.Peer[name])
	}
	for _, name := range f.roles {
		put(kindOpenRole, name, open.Role[name])
	}
}

func (f *flattener) protocols(list []topology.Protocol, put func(kind, string, uint64)) {
	if len(list) > 1 {
		list = slices.SortedFunc(slices.Values(list), func(a, b topology.Protocol) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(tlsWord(a.TLS), tlsWord(b.TLS)))
		})
	}
	for _, p := range list {
		put(kindProtocol, p.Name+"\x00"+tlsWord(p.TLS), p.Connections)
	}
}

func tlsWord(tls *bool) string {
	switch {
	case tls == nil:
		return "-"
	case *tls:
		return "1"
	}
	return "0"
}
