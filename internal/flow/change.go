package flow

import "net/netip"

// EdgeRef numbers an edge of the engine that made it; 0 is none.
type EdgeRef uint32

// NodeRef numbers a node of the engine that made it; 0 is none.
type NodeRef uint32

// NodeKind is what a node stands for.
type NodeKind uint8

// The kinds of nodes.
const (
	NodeProcess NodeKind = iota + 1
	NodeAddress
	NodeKernel
)

// Node is one end of edges, as far as it is known.
type Node struct {
	Kind    NodeKind
	Process Process // of NodeProcess; only Key is sure to be set
	Exited  bool    // the process ended
	Exit    Exit    // when and how it did, as far as that is known
	Listens []Listening

	Addr netip.Addr // of NodeAddress; invalid: the address is not known either
	// Local: an observed namespace owns the address.
	Local bool
	// Netns is the inode of the namespace that the node belongs to: of a kernel
	// node, and of an address that means something else in another namespace.
	Netns uint64
	// NetnsName is the name of that namespace, or of the one a process lives in.
	NetnsName string
}

// Listening is one socket that a process waits on for peers.
type Listening struct {
	Transport Transport
	Addr      netip.Addr // unspecified: any
	Port      uint16
	Path      string
	Backlog   uint32 // connections that wait for accept
	Limit     uint32
}

// Edge is an edge key in full.
type Edge struct {
	EdgeKey
	Path string
}

// EdgeKey is what makes an edge: who calls whom, over what, on which port or
// path. Two ports are never one edge.
type EdgeKey struct {
	// A is the client and B the server; where the roles are not known they are
	// the two ends, A <= B.
	A, B NodeRef
	// PortB is the server's port. PortA is 0 unless the roles are not known.
	PortA, PortB uint16
	Transport    Transport
	RoleKnown    bool
	Path         uint32 // of unix sockets, a number; see Edge.Path
}

// Amount is a count that may be unknown, or known but for a small part.
type Amount struct {
	Value   uint64
	Known   bool
	Inexact bool
}

// Traffic is what went from A to B and from B to A.
type Traffic struct{ ToB, ToA Amount }

// Change is what one connection adds to its edge in the window that closes.
// The engine uses the memory again: a sink keeps nothing of it.
type Change struct {
	Edge EdgeRef
	Peer PeerEvidence
	Role RoleEvidence

	// Active and Pending change what is open at the window's end: +1, -1 or 0.
	// They outlive the window; all else belongs to it.
	Active, Pending int8

	Ended  bool // counts by evidence among those that ended in this window
	Opened bool
	Closed bool
	Failed bool
	Errno  string // of a failed connect; empty: not known

	Bytes       Traffic // as the client counted where both ends were observed
	SideA       Traffic // as A's socket counted; ToB.Known false: not observed
	SideB       Traffic
	Retransmits Traffic
	RTT         uint32 // microseconds; 0: no sample
	Connect     uint32 // microseconds; 0: not known

	Dialed      netip.AddrPort // what the client asked for, where that differs
	CandidatesA []NodeRef      // of an ambiguous end
	CandidatesB []NodeRef
	HoldersA    []NodeRef // who else holds the socket
	HoldersB    []NodeRef
}
