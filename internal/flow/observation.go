package flow

import "net/netip"

// Observation is one fact that a source tells. The engine copies what it needs
// and keeps no reference, so a source may use the same memory again.
//
// Observations of one window may come in any order and more than once.
type Observation interface{ observation() }

func (*Socket) observation()      {}
func (*UnixSocket) observation()  {}
func (*Process) observation()     {}
func (*Exit) observation()        {}
func (*Handover) observation()    {}
func (*Namespace) observation()   {}
func (*Translation) observation() {}
func (*AddressName) observation() {}
func (*Loss) observation()        {}
func (*Gap) observation()         {}
func (*Census) observation()      {}
func (*Host) observation()        {}
func (*Capture) observation()     {}
func (*Window) observation()      {}

// Socket is one look at an inet socket, alive or at its end.
type Socket struct {
	Time   Time         `json:"time"`
	Cookie SocketCookie `json:"cookie"`
	// Generation counts the connections one socket carried: a connect that is
	// tried again, or connect(AF_UNSPEC), starts the next one.
	Generation uint32    `json:"generation,omitempty"`
	Netns      NetnsID   `json:"netns"`
	Transport  Transport `json:"transport"`
	State      State     `json:"state"`
	Tuple

	// Final: the connection is over and this is the last that will be said of it.
	Final bool `json:"final,omitempty"`
	// Vanished: over, but without final counters: it was missing at a look, or
	// died with its counters already cleared.
	Vanished bool `json:"vanished,omitempty"`
	// Adopted: it existed before observation began; this sample is its baseline.
	Adopted bool `json:"adopted,omitempty"`
	// Kernel: the kernel itself holds the socket (NFS, CIFS, vxlan), no process does.
	Kernel bool `json:"kernel,omitempty"`
	// Unaccepted: complete, but no process has accepted it yet.
	Unaccepted bool `json:"unaccepted,omitempty"`
	// Transparent: it may have addresses that are not its namespace's own
	// (IP_TRANSPARENT), so it took a connection that was not sent to it; false:
	// not, or not known.
	Transparent bool `json:"transparent,omitempty"`
	// LastLook: first seen in the look that ends the window, so that its other
	// end may be younger than the look at its namespace.
	LastLook bool `json:"last_look,omitempty"`

	Sequence    Sequence `json:"sequence,omitzero"`
	HasSequence bool     `json:"has_sequence,omitempty"`

	Counters    Counters `json:"counters,omitzero"`
	HasCounters bool     `json:"has_counters,omitempty"`
	// Exact: the FINs of both ends are taken off the counters, so BytesReceived is
	// payload, and so is BytesAcked but for our SYN if this end connected (TCP).
	Exact bool `json:"exact,omitempty"`

	// Opened is when this connection began: SYN_SENT or ESTABLISHED, the first
	// datagram; 0: not known.
	Opened Time `json:"opened,omitempty"`
	// First says which end spoke first, where that was seen: Client if this one
	// did. Of TCP who sent the SYN, of UDP the first datagram between the two.
	First Role `json:"first,omitempty"`
	// Unconnected: a UDP socket that talks to Peer without being connected to it.
	// It may talk to others too, and Local may be the unspecified address.
	Unconnected bool `json:"unconnected,omitempty"`
	// Ephemeral: a UDP socket whose port the kernel chose, because nobody asked for
	// one. Not every source tells.
	Ephemeral bool `json:"ephemeral,omitempty"`
	// Older: a UDP socket that is older than the observation, so First is of what
	// was seen, and there may have been more before.
	Older bool `json:"older,omitempty"`
	// Unasked: a UDP socket that took datagrams without asking who sent them, so it
	// may have received more from Peer than BytesReceived.
	Unasked bool `json:"unasked,omitempty"`

	Errno   string `json:"errno,omitempty"`   // name of the error a connect ended in, if known
	UID     uint32 `json:"uid,omitempty"`     // owner of the socket
	Cgroup  uint64 `json:"cgroup,omitempty"`  // cgroup v2 id of its creator (an accepted socket has its listener's)
	Scope   uint32 `json:"scope,omitempty"`   // interface index the socket is bound to
	V6Only  bool   `json:"v6_only,omitempty"` // of a listener on ::, which takes no IPv4 then
	Backlog uint32 `json:"backlog,omitempty"` // of a listener: connections that wait for accept
	Limit   uint32 `json:"limit,omitempty"`   // of a listener: how many may wait

	// After: it was not there yet at this time, so it is younger; 0: not known.
	After Time `json:"after,omitempty"`
	// Connected: the handshake was once complete, as the counters or the state
	// show; a final observation without it is a connect that failed.
	Connected bool `json:"connected,omitempty"`

	// Holders are the processes that hold the socket open at Time. The first one
	// stands for the socket: the one that last used it where the source knows,
	// else the one that holds it longest. Nil says nothing.
	Holders []ProcessKey `json:"holders,omitempty"`
}

// Handover says that a socket changed hands: until Time it belonged to From,
// and Counters are what it had counted by then.
type Handover struct {
	Time       Time         `json:"time"`
	Cookie     SocketCookie `json:"cookie"`
	Generation uint32       `json:"generation,omitempty"`
	From       ProcessKey   `json:"from"`
	Counters   Counters     `json:"counters,omitzero"`
	// Exact: Counters are as Socket.Exact says, and what From had sent counts
	// although it may not be acknowledged yet.
	Exact bool `json:"exact,omitempty"`
	// Inexact: it changed hands some time after Counters were read, so the next
	// part may be From's still.
	Inexact bool `json:"inexact,omitempty"`
}

// Counters are a TCP socket's own, since it was connected (struct tcp_info).
type Counters struct {
	BytesSent     uint64 `json:"bytes_sent,omitempty"`     // payload given to the wire, with retransmissions (4.19)
	BytesRetrans  uint64 `json:"bytes_retrans,omitempty"`  // the retransmitted part of it (4.19)
	BytesAcked    uint64 `json:"bytes_acked,omitempty"`    // with our SYN if we connected, with our FIN if acknowledged (4.1)
	BytesReceived uint64 `json:"bytes_received,omitempty"` // with the peer's FIN (4.1)
	Unacked       uint32 `json:"unacked,omitempty"`        // segments in flight
	NotSent       uint32 `json:"not_sent,omitempty"`       // bytes queued and not sent yet
	Retransmits   uint32 `json:"retransmits,omitempty"`    // segments, tcpi_total_retrans
	RTT           uint32 `json:"rtt,omitempty"`            // smoothed, microseconds; 0: no sample
	Connect       uint32 `json:"connect,omitempty"`        // SYN_SENT to ESTABLISHED, microseconds; 0: not known
}

// UnixSocket is one look at a unix socket.
type UnixSocket struct {
	Time   Time         `json:"time"`
	Cookie SocketCookie `json:"cookie,omitempty"`
	Inode  uint64       `json:"inode"`
	// Generation counts the peers that one socket had one after the other.
	Generation uint32   `json:"generation,omitempty"`
	Netns      NetnsID  `json:"netns"`
	Type       UnixType `json:"type"`
	State      State    `json:"state"`
	// Path is the bound name; abstract names begin with @. An accepted socket
	// carries its listener's.
	Path string `json:"path,omitempty"`
	// Peer is the inode of the other end; 0: none, or not accepted yet.
	Peer uint64 `json:"peer,omitempty"`
	// Opened is when the first message was seen between the two; 0: not known.
	Opened Time `json:"opened,omitempty"`
	// Unconnected: a datagram socket that names its peer in every call. What it
	// received from that peer is not counted.
	Unconnected bool `json:"unconnected,omitempty"`
	// PeerPath is the name under which a datagram socket that is not connected calls
	// its peer, whether a socket of that name is known or not.
	PeerPath string `json:"peer_path,omitempty"`
	// Waiting are the inodes of clients that a listener has not accepted yet.
	Waiting  []uint64     `json:"waiting,omitempty"`
	Final    bool         `json:"final,omitempty"`
	Adopted  bool         `json:"adopted,omitempty"`
	Backlog  uint32       `json:"backlog,omitempty"`
	Limit    uint32       `json:"limit,omitempty"`
	Counters UnixCounters `json:"counters,omitzero"`
	// HasCounters: the source can count payload (netlink cannot).
	HasCounters bool `json:"has_counters,omitempty"`
	// Holders as in Socket.
	Holders []ProcessKey `json:"holders,omitempty"`
}

// UnixCounters are the payload bytes of the messages one end sent and received.
type UnixCounters struct {
	BytesSent     uint64 `json:"bytes_sent,omitempty"`
	BytesReceived uint64 `json:"bytes_received,omitempty"`
}

// UnixType is the type of a unix socket (include/linux/net.h).
type UnixType uint8

// The unix socket types, numbered as in the kernel.
const (
	UnixStream    UnixType = 1
	UnixDgram     UnixType = 2
	UnixSeqpacket UnixType = 5
)

// Namespace is a network namespace and the addresses that live in it.
type Namespace struct {
	Time  Time    `json:"time"`
	ID    NetnsID `json:"id"`
	Inode uint64  `json:"inode"`
	Name  string  `json:"name,omitempty"` // of /run/netns, if it has one
	// Observed: its sockets are read. Of others only the addresses are known.
	Observed bool `json:"observed,omitempty"`
	// DeathsSeen: the end of every TCP socket in it is reported, however short
	// its life was, so that a socket nobody reported was not there.
	DeathsSeen bool `json:"deaths_seen,omitempty"`
	// Local are the prefixes the kernel delivers to this namespace itself
	// (routes of type local), 127.0.0.0/8 among them.
	Local []netip.Prefix `json:"local,omitempty"`
	// Broadcast are the broadcast addresses of its links.
	Broadcast []netip.Prefix `json:"broadcast,omitempty"`
	// Gone: it has ended at Time; no address lives in it any more.
	Gone bool `json:"gone,omitempty"`
}

// Translation is a conntrack entry: packets of Original are rewritten so that
// the answers come as Reply. Both are as the sender of each direction writes
// them (Local is the source, Peer the destination).
type Translation struct {
	Time      Time      `json:"time"`
	Netns     NetnsID   `json:"netns"`
	Transport Transport `json:"transport"`
	Original  Tuple     `json:"original"`
	Reply     Tuple     `json:"reply"`
	// Opened is when it was made, where that was seen; 0: not known. It may be
	// told somewhat late and never early. Of one namespace the order is exact.
	Opened Time `json:"opened,omitempty"`
	// Closed is when it was removed, likewise. The kernel keeps an entry for some
	// time after its connection is over.
	Closed Time `json:"closed,omitempty"`
	// Adopted: it existed before observation began.
	Adopted bool `json:"adopted,omitempty"`
}

// Loss is what a source had to drop, by reason.
type Loss struct {
	Time   Time       `json:"time"`
	Reason LossReason `json:"reason"`
	Count  uint64     `json:"count"`
	// Netns is where it happened; 0: not known.
	Netns NetnsID `json:"netns,omitempty"`
}

// Census says that at Time a look at every TCP socket of a namespace began, and
// that each that was open then has been told since. One that was told before and
// not since is over, and its end was lost.
type Census struct {
	Time  Time    `json:"time"`
	Netns NetnsID `json:"netns"`
}

// LossReason is why something was not seen.
type LossReason uint8

// The reasons. Each has a counter that is shown with every map.
const (
	LossRingFull LossReason = iota
	LossMapFull
	LossNetlinkOverrun
	LossLate
	LossContradiction
	LossLookSlow
	LossProcRead
	LossNamespace
)

// LossReasonNames are the words of the counters, in order.
var LossReasonNames = [...]string{"ring_full", "map_full", "netlink_overrun", "late", "contradiction",
	"slow_look", "proc_read", "namespace"}

func (r LossReason) String() string { return nameOf(LossReasonNames[:], int(r)) }

// MarshalText writes the word.
func (r LossReason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a word; an unknown one is an error.
func (r *LossReason) UnmarshalText(b []byte) error {
	i, err := indexOf(LossReasonNames[:], b, "loss reason")
	*r = LossReason(i)
	return err
}

// Gap is something the capture cannot see here, and how to get it.
type Gap struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Fix    string `json:"fix,omitempty"`
}

// Host is the machine that was observed.
type Host struct {
	Name   string `json:"name"`
	ID     string `json:"id,omitempty"`
	BootID string `json:"boot_id,omitempty"`
	Kernel string `json:"kernel,omitempty"`
}

// Capture says how the facts were taken.
type Capture struct {
	Source   string `json:"source"`   // ebpf, netlink
	Rung     string `json:"rung"`     // 1, 2, 2b, 3, 4
	Interval Time   `json:"interval"` // between two looks as it really was, nanoseconds; 0: events
	// Totals are how many TCP connections the kernel itself counted as opened or
	// tried in the window (ActiveOpens and PassiveOpens of /proc/net/snmp), and how
	// many of them the source told. Both ends of one connection count.
	Totals Totals `json:"totals,omitzero"`
}

// Totals compare what was told with what the kernel counted. Kernel 0: there is
// nothing to compare with.
type Totals struct {
	Kernel uint64 `json:"kernel"`
	Told   uint64 `json:"told"`
}

// Window bounds what was observed: [Start, End). One with only a Start opens
// it; the last one of a recording closes it.
type Window struct {
	Start Time `json:"start"`
	End   Time `json:"end,omitempty"`
}
