package flow

import (
	"fmt"
	"net/netip"
	"time"
)

// Time is nanoseconds since the Unix epoch (CLOCK_REALTIME of the observed host).
type Time int64

// Stamp is the time in RFC 3339 with milliseconds, UTC.
func (t Time) Stamp() string {
	return time.Unix(0, int64(t)).UTC().Format("2006-01-02T15:04:05.000Z")
}

// NetnsID names a network namespace for the life of the host: the namespace
// cookie where the kernel gives it (SO_NETNS_COOKIE, Linux 5.14), else the
// inode with the highest bit set. What people are shown is the inode.
type NetnsID uint64

// SocketCookie is the kernel's own never reused name of a socket
// (sock_gen_cookie; unique on a host since Linux 5.4, per namespace before).
type SocketCookie uint64

// Transport is what carries the bytes, in the words of network.transport.
type Transport uint8

// The transports Peerscope observes.
const (
	TransportUnknown Transport = iota
	TCP
	UDP
	Unix
)

var transportNames = [...]string{"unknown", "tcp", "udp", "unix"}

func (t Transport) String() string { return nameOf(transportNames[:], int(t)) }

// MarshalText writes the name.
func (t Transport) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a name; an unknown one is an error.
func (t *Transport) UnmarshalText(b []byte) error {
	i, err := indexOf(transportNames[:], b, "transport")
	*t = Transport(i)
	return err
}

// State is a TCP state with the kernel's numbers (include/net/tcp_states.h).
// UDP sockets use Established (connected) and Close (not connected), as the
// kernel does; unix sockets use Listen, Established and Close.
type State uint8

// The states, numbered as in the kernel.
const (
	StateUnknown State = iota
	Established
	SynSent
	SynRecv
	FinWait1
	FinWait2
	TimeWait
	Close
	CloseWait
	LastAck
	Listen
	Closing
	NewSynRecv
)

var stateNames = [...]string{"unknown", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2",
	"time_wait", "close", "close_wait", "last_ack", "listen", "closing", "new_syn_recv"}

func (s State) String() string { return nameOf(stateNames[:], int(s)) }

// MarshalText writes the name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name; an unknown one is an error.
func (s *State) UnmarshalText(b []byte) error {
	i, err := indexOf(stateNames[:], b, "state")
	*s = State(i)
	return err
}

// PeerClosed reports whether the peer's FIN has been received in this state
// (RFC 9293 section 3.3.2), so that bytes_received counts it.
func (s State) PeerClosed() bool {
	return s == CloseWait || s == LastAck || s == Closing || s == TimeWait
}

// Synchronized reports whether the handshake is complete and the socket still
// carries a connection.
func (s State) Synchronized() bool {
	switch s {
	case Established, FinWait1, FinWait2, CloseWait, LastAck, Closing, TimeWait:
		return true
	}
	return false
}

// Tuple is the two addresses of a socket as that socket sees them. A side the
// kernel no longer knows has the unspecified address or port 0.
type Tuple struct {
	Local netip.AddrPort `json:"local"`
	Peer  netip.AddrPort `json:"peer"`
}

func (t Tuple) String() string { return fmt.Sprintf("%v -> %v", t.Local, t.Peer) }

// Mirror is the tuple as the other end sees it.
func (t Tuple) Mirror() Tuple { return Tuple{Local: t.Peer, Peer: t.Local} }

// Sequence is the part of a TCP socket's sequence identity that one end knows
// (arithmetic modulo 2^32, struct tcp_sock):
//
//	SendBase = snd_una - bytes_acked      RecvBase = rcv_nxt - bytes_received
//
// Both are constant from ESTABLISHED to the end of the connection. For the two
// ends of one connection client.SendBase + 1 == server.RecvBase and
// client.RecvBase == server.SendBase, whatever addresses either end sees.
type Sequence struct {
	SendBase uint32 `json:"send_base"`
	RecvBase uint32 `json:"recv_base"`
}

func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("invalid(%d)", i)
	}
	return names[i]
}

func indexOf(names []string, b []byte, what string) (int, error) {
	for i, n := range names {
		if n == string(b) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q", what, b)
}
