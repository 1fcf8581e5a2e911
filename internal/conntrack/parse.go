package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

// From include/uapi/linux/netfilter/nfnetlink.h and nfnetlink_conntrack.h. The
// type of a message is its subsystem and its number within it.
const (
	subsystem = unix.NFNL_SUBSYS_CTNETLINK << 8
	msgNew    = subsystem // number 0, an entry: of a dump, made, or changed
	msgGet    = subsystem | 1
	msgDelete = subsystem | 2

	genericLen = 4 // struct nfgenmsg: family, version, a number in network order

	attrOriginal   = 1
	attrReply      = 2
	attrStatus     = 3
	attrStatusMask = 26 // of a request, since Linux 5.15

	tupleIP       = 1
	tupleProtocol = 2

	ipSource4, ipDestination4 = 1, 2
	ipSource6, ipDestination6 = 3, 4

	protocolNumber                  = 1
	protocolSource, protocolDestine = 2, 3
)

// The bits of an entry's status that say that a side of it is rewritten (enum
// ip_conntrack_status). They are set only if the address or the port differs.
const (
	statusSource      = 1 << 4 // IPS_SRC_NAT
	statusDestination = 1 << 5 // IPS_DST_NAT
)

// errNotEntry is a message that cannot be a conntrack entry.
var errNotEntry = errors.New("not a conntrack entry")

// entry is what an entry says of the two directions. Both are as the sender of
// that direction writes them: Local is the source, Peer the destination.
type entry struct {
	Transport       flow.Transport // TransportUnknown: neither TCP nor UDP
	Status          uint32         // 0: not told
	Original, Reply flow.Tuple
}

// translated: the answers do not come back as they would without rules.
func (e *entry) translated() bool {
	return e.Transport != flow.TransportUnknown && e.Original.Mirror() != e.Reply
}

// parseEntry reads an entry over what e held. All numbers of ctnetlink are in
// network byte order. Entries of other protocols than TCP and UDP have no tuple.
func parseEntry(payload []byte, e *entry) error {
	*e = entry{}
	if len(payload) < genericLen {
		return fmt.Errorf("%w: %d bytes", errNotEntry, len(payload))
	}
	var protocols [2]uint8
	var have [2]bool
	b := payload[genericLen:]
	for {
		attrType, value, rest, ok := nlsocket.NextAttribute(b)
		if !ok {
			break
		}
		b = rest
		switch attrType {
		case attrOriginal:
			protocols[0], have[0] = parseTuple(value, &e.Original)
		case attrReply:
			protocols[1], have[1] = parseTuple(value, &e.Reply)
		case attrStatus:
			if len(value) >= 4 {
				e.Status = binary.BigEndian.Uint32(value)
			}
		}
	}
	if !have[0] || !have[1] || protocols[0] != protocols[1] {
		return fmt.Errorf("%w: an address, a port or the protocol is missing from %d bytes", errNotEntry, len(payload))
	}
	switch protocols[0] {
	case unix.IPPROTO_TCP:
		e.Transport = flow.TCP
	case unix.IPPROTO_UDP:
		e.Transport = flow.UDP
	default:
		e.Original, e.Reply = flow.Tuple{}, flow.Tuple{}
	}
	return nil
}

// parseTuple reads one direction. ok is false if an address, or a port of a
// protocol that has them, is missing.
func parseTuple(b []byte, t *flow.Tuple) (protocol uint8, ok bool) {
	var source, destination netip.Addr
	var ports [2]uint16
	var known [2]bool
	for {
		attrType, value, rest, more := nlsocket.NextAttribute(b)
		if !more {
			break
		}
		b = rest
		switch attrType {
		case tupleIP:
			source, destination = parseAddresses(value)
		case tupleProtocol:
			protocol = parseProtocol(value, &ports, &known)
		}
	}
	t.Local = netip.AddrPortFrom(source, ports[0])
	t.Peer = netip.AddrPortFrom(destination, ports[1])
	hasPorts := protocol == unix.IPPROTO_TCP || protocol == unix.IPPROTO_UDP
	return protocol, protocol != 0 && source.IsValid() && destination.IsValid() && (!hasPorts || known[0] && known[1])
}

func parseAddresses(b []byte) (source, destination netip.Addr) {
	for {
		attrType, value, rest, ok := nlsocket.NextAttribute(b)
		if !ok {
			return source, destination
		}
		b = rest
		a, ok := netip.AddrFromSlice(value)
		if !ok {
			continue
		}
		switch attrType {
		case ipSource4, ipSource6:
			source = a.Unmap()
		case ipDestination4, ipDestination6:
			destination = a.Unmap()
		}
	}
}

func parseProtocol(b []byte, ports *[2]uint16, known *[2]bool) (protocol uint8) {
	for {
		attrType, value, rest, ok := nlsocket.NextAttribute(b)
		if !ok {
			return protocol
		}
		b = rest
		switch {
		case attrType == protocolNumber && len(value) >= 1:
			protocol = value[0]
		case attrType == protocolSource && len(value) >= 2:
			ports[0], known[0] = binary.BigEndian.Uint16(value), true
		case attrType == protocolDestine && len(value) >= 2:
			ports[1], known[1] = binary.BigEndian.Uint16(value), true
		}
	}
}
