package netlink

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

// From include/uapi/linux/inet_diag.h; golang.org/x/sys has none of it.
const (
	inetRequestLen = 56 // struct inet_diag_req_v2
	tcpRequestLen  = 60 // struct inet_diag_req
	inetMessageLen = 72 // struct inet_diag_msg
	inetIDLen      = 48 // struct inet_diag_sockid, at offset 8 of one and 4 of the other

	timerTimeWait = 3 // idiag_timer of an entry that is no socket any more

	// tcpGetSock (TCPDIAG_GETSOCK) is the older request for TCP sockets, with
	// struct inet_diag_req. It alone takes no family and lists both.
	tcpGetSock = 18

	inetDiagInfo     = 2
	inetDiagProtocol = 10
	inetDiagV6Only   = 11
	inetDiagCgroupID = 21 // since Linux 5.9, unasked
	inetDiagSockOpt  = 22 // since Linux 5.10, unasked: struct inet_diag_sockopt

	// sockOptTransparent is the bit field transparent of inet_diag_sockopt, whose
	// first field is the lowest bit on little-endian machines.
	sockOptTransparent = 1 << 5
)

// liveStates are all TCP states but TIME_WAIT: no process holds such a socket,
// and on a busy server most entries are of that kind. A bit a state; bit
// SYN_RECV stands for both SYN_RECV and NEW_SYN_RECV, as half-open requests are
// reported under the former.
const liveStates = uint32(1<<(flow.NewSynRecv+1)-1) &^ (1 << flow.TimeWait) &^ 1

// inetRequest says which sockets a dump shall list.
type inetRequest struct {
	// Family is unix.AF_INET or AF_INET6; an AF_INET6 socket that talks IPv4 is
	// listed as AF_INET6. AF_UNSPEC is both: of TCP in one pass over the
	// kernel's table, which holds the sockets of all namespaces.
	Family    uint8
	Transport flow.Transport
	States    uint32 // bit 1<<state
	Info      bool   // with tcp_info; the kernel locks each socket for it
}

// appendInetRequest appends the request for a dump.
func appendInetRequest(b []byte, r inetRequest) []byte {
	if r.Family == unix.AF_UNSPEC {
		return appendTCPRequest(b, r)
	}
	b = nlsocket.AppendHeader(b, unix.SOCK_DIAG_BY_FAMILY)
	start := len(b)
	b = append(b, make([]byte, inetRequestLen)...)
	q := b[start:]
	q[0] = r.Family
	q[1] = protocolOf(r.Transport)
	q[2] = r.extensions()
	binary.NativeEndian.PutUint32(q[4:], r.States)
	return b
}

// appendTCPRequest appends the older request, for TCP of both families.
func appendTCPRequest(b []byte, r inetRequest) []byte {
	b = nlsocket.AppendHeader(b, tcpGetSock)
	start := len(b)
	b = append(b, make([]byte, tcpRequestLen)...)
	q := b[start:]
	q[3] = r.extensions()
	// After family, two lengths and extensions comes the id; after the states the
	// obsolete idiag_dbs.
	binary.NativeEndian.PutUint32(q[4+inetIDLen:], r.States)
	return b
}

// extensions are the attributes asked for, bit 1<<(attribute-1).
func (r inetRequest) extensions() uint8 {
	if r.Info {
		return 1 << (inetDiagInfo - 1)
	}
	return 0
}

// inetSocket is what the kernel says of one inet socket, in a dump or at its
// death.
type inetSocket struct {
	Family    uint8 // of the socket: AF_INET6 also where Tuple is IPv4 over a dual-stack socket
	Transport flow.Transport
	State     flow.State
	flow.Tuple
	Cookie flow.SocketCookie
	// Inode is that of the open files (socket:[N]), for MPTCP subflows too. 0:
	// no file: half-open, not accepted yet, closed by its process, or dead.
	Inode uint64
	UID   uint32
	// If is the interface the socket is bound to, which is what tells apart
	// equal link-local addresses; 0: none.
	If uint32
	// RQueue and WQueue are bytes not read and not acknowledged. A received FIN
	// counts as one byte not read until the process has read the end. Of a
	// listener: connections that wait for accept, and how many may (the kernel
	// takes one more; from then on clients stay in SYN_SENT). Of UDP: memory, not
	// payload.
	RQueue, WQueue uint32
	// Cgroup is the cgroup v2 id of the creator (an accepted socket: of its
	// listener's creator), 0 if not said.
	Cgroup uint64
	// V6Only: a listening or unconnected AF_INET6 socket takes no IPv4.
	V6Only bool
	// Transparent: the socket may have others' addresses (IP_TRANSPARENT).
	Transparent bool
	// Remains: not a socket but what the kernel keeps of one that it has already
	// reported dead (TIME_WAIT, and FIN_WAIT2 once its process has closed). Its
	// cookie is the socket's only if that had been asked for in time.
	Remains bool

	tcpInfo
}

// cleared reports whether a dead TCP socket has lost its numbers and one of its
// addresses: the kernel disconnects a socket before it destroys it when it ends
// by SO_LINGER 0 with nothing unread, in a blocking connect that is refused,
// unaccepted with its listener, or as the MPTCP subflow of the end that closes
// second. Local port and peer address are left.
func (s *inetSocket) cleared() bool {
	return s.Transport == flow.TCP && s.State == flow.Close && s.Peer.Port() == 0 && !s.Peer.Addr().IsUnspecified()
}

// parseInetSocket reads an inet_diag_msg and its attributes, of a dump, a
// lookup or the destroy multicast, over what s held.
func parseInetSocket(payload []byte, s *inetSocket) error {
	if len(payload) < inetMessageLen {
		return fmt.Errorf("inet_diag message of %d bytes: %w", len(payload), nlsocket.ErrTruncated)
	}
	*s = inetSocket{
		Family:  payload[0],
		State:   flow.State(payload[1]),
		Remains: payload[2] == timerTimeWait,
	}
	id := payload[4:52]
	s.Local = addrPort(s.Family, id[4:20], id[0:2])
	s.Peer = addrPort(s.Family, id[20:36], id[2:4])
	s.If = binary.NativeEndian.Uint32(id[36:])
	// Two 32-bit halves, the low one first on every machine (sock_diag_save_cookie).
	s.Cookie = flow.SocketCookie(uint64(binary.NativeEndian.Uint32(id[40:])) | uint64(binary.NativeEndian.Uint32(id[44:]))<<32)
	s.RQueue = binary.NativeEndian.Uint32(payload[56:])
	s.WQueue = binary.NativeEndian.Uint32(payload[60:])
	s.UID = binary.NativeEndian.Uint32(payload[64:])
	s.Inode = uint64(binary.NativeEndian.Uint32(payload[68:]))
	s.attributes(payload[inetMessageLen:])
	if s.cleared() {
		// tcp_disconnect leaves 0, and in the send queue the size of a window.
		s.tcpInfo, s.WQueue = tcpInfo{Answered: s.Answered}, 0
	}
	if s.Transport == flow.UDP && s.WQueue == ^uint32(0) {
		s.WQueue = 0 // at its death the kernel counts one reference too few
	}
	return nil
}

func (s *inetSocket) attributes(b []byte) {
	for {
		attrType, value, rest, ok := nlsocket.NextAttribute(b)
		if !ok {
			return
		}
		b = rest
		switch attrType {
		case inetDiagInfo:
			// A listener's tcp_info has its backlog where others have what is in flight.
			if s.State != flow.Listen {
				s.tcpInfo = parseTCPInfo(value)
			}
		case inetDiagProtocol: // only the destroy multicast says it
			if len(value) >= 1 {
				s.Transport = transportOf(value[0])
			}
		case inetDiagV6Only:
			s.V6Only = len(value) >= 1 && value[0] != 0
		case inetDiagSockOpt:
			s.Transparent = len(value) >= 1 && value[0]&sockOptTransparent != 0
		case inetDiagCgroupID:
			if len(value) >= 8 {
				s.Cgroup = binary.NativeEndian.Uint64(value)
			}
		}
	}
}

// addrPort reads an address of 16 bytes, of which IPv4 uses the first four, and
// a port; both are in network byte order.
func addrPort(family uint8, addr, port []byte) netip.AddrPort {
	var a netip.Addr
	if family == unix.AF_INET6 {
		a = netip.AddrFrom16([16]byte(addr)).Unmap()
	} else {
		a = netip.AddrFrom4([4]byte(addr))
	}
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(port))
}

func protocolOf(t flow.Transport) uint8 {
	if t == flow.UDP {
		return unix.IPPROTO_UDP
	}
	return unix.IPPROTO_TCP
}

func transportOf(protocol uint8) flow.Transport {
	switch protocol {
	case unix.IPPROTO_TCP:
		return flow.TCP
	case unix.IPPROTO_UDP:
		return flow.UDP
	}
	return flow.TransportUnknown
}
