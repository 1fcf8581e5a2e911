package topology

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"

	"peerscope/internal/flow"
)

// Logical is what a client got from a server through proxies. It is inferred from
// connections that the edges count already, so nothing of it is added to them.
type Logical struct {
	ID         string   `json:"id"`
	Client     string   `json:"client"` // node id
	Server     string   `json:"server"`
	Via        []string `json:"via"`         // the proxies between, from the client's side
	ServerPort uint16   `json:"server_port"` // that the server's socket has
	Dialed     []string `json:"dialed,omitempty"`

	Evidence    LogicalEvidence    `json:"evidence"`
	Connections LogicalConnections `json:"connections"` // the client's own, to the first proxy

	open map[string]uint64 // as Evidence.Pairing, of those that are active
}

// LogicalEvidence counts connections by how they were joined with those that a
// proxy made for them: the weakest word on their way.
type LogicalEvidence struct {
	Pairing map[string]uint64 `json:"pairing"`
}

// LogicalConnections counts within the window; Active is at its end.
type LogicalConnections struct {
	Active uint64 `json:"active"`
	Opened uint64 `json:"opened"`
	Closed uint64 `json:"closed"`
}

// addLogical writes down what was inferred of proxies: their grounds at their
// nodes, and who got through them to whom.
func (b *builder) addLogical(m *Map, l *flow.Logical) {
	if l == nil {
		return
	}
	for _, p := range l.Proxies {
		a := &b.node(p.Node).Attributes
		a.Proxy, a.ProxyUnjoined = p.Ground.String(), p.Unjoined
	}
	m.Logical = []Logical{}
	for i := range l.Edges {
		m.Logical = append(m.Logical, b.logical(&l.Edges[i]))
	}
}

func (b *builder) logical(e *flow.LogicalEdge) Logical {
	out := Logical{Client: b.id(e.Client), Server: b.id(e.Server), ServerPort: e.ServerPort,
		Evidence: LogicalEvidence{Pairing: map[string]uint64{}}, open: map[string]uint64{},
		Connections: LogicalConnections{Active: e.Active, Opened: e.Opened, Closed: e.Closed}}
	for _, ref := range e.Via {
		out.Via = append(out.Via, b.id(ref))
	}
	slices.SortFunc(e.Dialed, netip.AddrPort.Compare)
	for _, d := range e.Dialed {
		out.Dialed = append(out.Dialed, d.String())
	}
	for i, name := range flow.PairingNames {
		if e.Pairing[i] > 0 {
			out.Evidence.Pairing[name] = e.Pairing[i]
		}
		if e.Open[i] > 0 {
			out.open[name] = e.Open[i]
		}
	}
	out.ID = out.id()
	return out
}

// id names a logical edge by what makes it.
func (l *Logical) id() string {
	h := sha256.New()
	for _, s := range slices.Concat([]string{l.Client, l.Server, strconv.Itoa(int(l.ServerPort))}, l.Via) {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return "l:" + hex.EncodeToString(h.Sum(nil)[:8])
}

// mergeLogical is Merge of those: what is open is as the later map says. It is nil
// if neither map was asked for any.
func mergeLogical(earlier, later []Logical) []Logical {
	if earlier == nil && later == nil {
		return nil
	}
	all := map[string]Logical{}
	for _, l := range earlier {
		l.Connections.Active = 0
		l.Evidence.Pairing, l.open = minus(l.Evidence.Pairing, l.open), nil
		all[l.ID] = l
	}
	return joined(all, later)
}

// joined adds logical edges to those that are there, sorted by id.
func joined(all map[string]Logical, more []Logical) []Logical {
	for _, l := range more {
		if before, ok := all[l.ID]; ok {
			l.Connections.Active += before.Connections.Active
			l.Connections.Opened += before.Connections.Opened
			l.Connections.Closed += before.Connections.Closed
			l.Evidence.Pairing = addCounts(before.Evidence.Pairing, l.Evidence.Pairing)
			l.open = addCounts(before.open, l.open)
			l.Dialed = unite(before.Dialed, l.Dialed)
		}
		all[l.ID] = l
	}
	out := make([]Logical, 0, len(all))
	for _, l := range all {
		out = append(out, l)
	}
	sortLogical(out)
	return out
}

func sortLogical(list []Logical) {
	slices.SortFunc(list, func(a, b Logical) int { return cmp.Compare(a.ID, b.ID) })
}

// regroupLogical points logical edges to groups. Proxies of one group that follow
// each other are one; what stays within one group is left out, as an edge from it
// to itself is there already.
func regroupLogical(list []Logical, into map[string]string) []Logical {
	if list == nil {
		return nil
	}
	var moved []Logical
	for _, l := range list {
		l.Client, l.Server = into[l.Client], into[l.Server]
		via := make([]string, len(l.Via))
		for i, id := range l.Via {
			via[i] = into[id]
		}
		l.Via = slices.Compact(via)
		if len(l.Via) == 1 && l.Via[0] == l.Client && l.Via[0] == l.Server {
			continue
		}
		l.ID = l.id()
		moved = append(moved, l)
	}
	return joined(map[string]Logical{}, moved)
}

// selectLogical keeps what goes over one of the edges, and adds to the nodes those
// that it names.
func selectLogical(list []Logical, edges []Edge, named map[string]bool) []Logical {
	if list == nil {
		return nil
	}
	between := map[[2]string]bool{}
	for i := range edges {
		between[[2]string{edges[i].Client, edges[i].Server}] = true
	}
	out := []Logical{}
	for _, l := range list {
		way := slices.Concat([]string{l.Client}, l.Via, []string{l.Server})
		for i := range way[1:] {
			if between[[2]string{way[i], way[i+1]}] {
				out = append(out, l)
				for _, id := range way {
					named[id] = true
				}
				break
			}
		}
	}
	return out
}
