package flow

import "net/netip"

// Connection is one connection of a change, told while the change is emitted.
type Connection struct {
	// A and B are the addresses of the two ends' sockets, each as it calls itself,
	// else as the other end calls it. Not valid: not known, or unix sockets.
	A, B netip.AddrPort
	// Opened is when it began or, unless Exact, when it was first seen; Latest when
	// it was last told of, which of one that is over is its end, to a millisecond.
	Opened, Latest Time
	Exact          bool
	// Bytes are those since it was opened, also before the observation where its
	// sockets counted them then.
	Bytes Traffic
	RTT   uint32 // microseconds, the latest; 0: no sample
}
