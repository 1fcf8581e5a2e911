package flow

import "net/netip"

// Leg is one TCP connection with a known client and server, with what tells
// which connection a proxy made for which. It is told of processes that are the
// server of some and the client of others.
type Leg struct {
	Client, Server NodeRef
	ServerPort     uint16
	// Asked is the address that the client's socket dialled, At the one that the
	// server's socket has; invalid: that socket was not observed.
	Asked, At netip.AddrPort
	// Foreign: At is no address of the server's namespace, so what was sent there
	// was taken over (TPROXY).
	Foreign bool
	// Home: Asked is an address of the server's namespace.
	Home bool
	// Near: both sockets are in one namespace.
	Near bool

	// After and First bound when it was opened: it was not there yet at After, and
	// was at First. After 0: not known, it may be older than the observation.
	After, First Time
	// Last is when it ended if Over, else when it was last seen.
	Last Time
	Over bool

	ToServer, ToClient Amount // payload since it was opened

	Active, Opened, Closed bool // in the window, as in Change
}

// Ground is by what a process is known to be a proxy.
type Ground uint8

// The grounds, strongest first.
const (
	NoProxy Ground = iota
	// GroundTransparent: it took connections to addresses that are not its
	// namespace's own, and called what was dialled (TPROXY).
	GroundTransparent
	// GroundRedirect: it took connections that were dialled to another address, and
	// called that one.
	GroundRedirect
	// GroundForward: it passed on what it received, byte for byte.
	GroundForward
	// GroundName: it has the name of a proxy, is called and calls.
	GroundName
)

// GroundNames are the words of the grounds.
var GroundNames = [...]string{"", "tproxy", "redirect", "forward", "name"}

func (g Ground) String() string { return nameOf(GroundNames[:], int(g)) }

// Pairing is on what grounds a proxy's outbound connection is put to an inbound one.
type Pairing uint8

// The pairings, strongest first.
const (
	// PairOriginal: it was made to the address that the client had dialled.
	PairOriginal Pairing = iota
	// PairTiming: of all that lived at the time it alone moved the same bytes.
	PairTiming
)

// PairingNames are the words of the pairings.
var PairingNames = [...]string{"original-destination", "timing"}

// LogicalEdge is what clients got through proxies: an inference beside the edges,
// never one of them.
type LogicalEdge struct {
	Client, Server NodeRef
	Via            []NodeRef // the proxies between, from the client's side
	ServerPort     uint16
	Dialed         []netip.AddrPort // what clients asked for, where the server's socket has another address
	// What the clients' own connections were, those to the first proxy.
	Active, Opened, Closed uint64
	// Pairing counts them by the weakest pairing on their way, Open those of them
	// that are active.
	Pairing, Open [len(PairingNames)]uint64
}

// Proxy is a process that passes connections on.
type Proxy struct {
	Node   NodeRef
	Ground Ground
	// Unjoined are the connections it took of which it is not known which it made.
	Unjoined uint64
}

// Logical is what is known of proxies and of what they pass on.
type Logical struct {
	Proxies []Proxy       // by node
	Edges   []LogicalEdge // in any order
}

// Count adds one connection of the client, on the grounds it stands on.
func (e *LogicalEdge) Count(h *Leg, by Pairing) {
	if h.Active {
		e.Active++
		e.Open[by]++
	}
	if h.Opened {
		e.Opened++
	}
	if h.Closed {
		e.Closed++
	}
	e.Pairing[by]++
}
