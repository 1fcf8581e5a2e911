package attribution

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// nameKey is what makes a telling of an address's name the same as another.
type nameKey struct {
	addr            netip.Addr
	port            uint16
	transport       flow.Transport
	kind            flow.AddressKind
	namespace, name string
	uid             string
}

// addressName keeps a name of an address for this window: in the next one the
// address may be another's. Of two tellings of one name the later counts.
func (e *Engine) addressName(o *flow.AddressName) {
	k := nameKey{o.Addr, o.Port, o.Transport, o.Kind, o.Namespace, o.Name, o.Pod.UID}
	if have, ok := e.names[k]; ok && cmp.Or(cmp.Compare(have.Time, o.Time), comparePods(&have.Pod, &o.Pod)) >= 0 {
		return
	}
	e.names[k] = *o
}

// AddressNames are the names of addresses that were told, sorted. An address may
// have several.
func (e *Engine) AddressNames() []flow.AddressName {
	return slices.SortedFunc(maps.Values(e.names), flow.AddressName.Compare)
}
