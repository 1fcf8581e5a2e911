package flow

import (
	"cmp"
	"net/netip"
)

// AddressName says that an address is known by a name: of a pod, of a service
// that is reached there, of a node. It names addresses, and claims nothing of a
// process. An address that several are known to have had within the window has
// no name.
type AddressName struct {
	Time Time       `json:"time"`
	Addr netip.Addr `json:"addr"`
	// Port and Transport are those that the name is of; 0 and unknown: of all.
	Port      uint16      `json:"port,omitempty"`
	Transport Transport   `json:"transport,omitempty"`
	Kind      AddressKind `json:"kind"`
	Name      string      `json:"name"`
	Namespace string      `json:"namespace,omitempty"` // a node has none
	Pod       Pod         `json:"pod,omitzero"`        // of a pod, what else is known
}

// Compare orders by address and port, then by what is named, then by what is
// known of it; the time does not count.
func (a AddressName) Compare(b AddressName) int {
	return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Transport, b.Transport), cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Pod.UID, b.Pod.UID))
}

// AddressKind is what has an address.
type AddressKind uint8

// The kinds of what has an address.
const (
	AddressPod AddressKind = iota + 1
	AddressService
	AddressNode
)

var addressKindNames = [...]string{"unknown", "pod", "service", "node"}

func (k AddressKind) String() string { return nameOf(addressKindNames[:], int(k)) }

// MarshalText writes the word.
func (k AddressKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a word; an unknown one is an error.
func (k *AddressKind) UnmarshalText(b []byte) error {
	i, err := indexOf(addressKindNames[:], b, "kind of address")
	*k = AddressKind(i)
	return err
}
