// Package flow is the vocabulary of Peerscope: the things the kernel says and
// the words every decision is made in.
//
// Sources (capture, identity) produce Observations, the pure engine turns them
// into attributed connections, sinks show them. Everybody imports flow; flow
// imports only the standard library and does no I/O.
//
// Point of view: a socket has a local and a peer address, a packet has a source
// and a destination, an edge has a client and a server. The pairs are never
// mixed. Addresses are in netip form (host order of the API, IPv4-mapped IPv6
// already written as IPv4), ports are host order, times are nanoseconds since
// the Unix epoch, counters are payload-level values of the kernel's own.
package flow
