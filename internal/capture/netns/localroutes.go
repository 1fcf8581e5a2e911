package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/nlsocket"
)

const routeMessageLen = unix.SizeofRtMsg

// LocalRoutes are the destinations that a namespace delivers to its own sockets.
// Each list is sorted and holds a prefix once.
type LocalRoutes struct {
	// Local are the own addresses, 127.0.0.0/8 while lo is up, and prefixes given
	// to the namespace by hand (AnyIP): routes of type local in the tables that
	// every packet is looked up in (local, main, default).
	Local []netip.Prefix
	// Policy are routes of type local in other tables. Only packets that a policy
	// rule sends there reach them: transparent proxies keep 0.0.0.0/0 in one for
	// marked packets, which does not make every address an own one.
	Policy []netip.Prefix
	// Broadcast are the IPv4 broadcast addresses.
	Broadcast []netip.Prefix
}

// DialRoutes opens a connection for ReadLocalRoutes in the calling thread's
// namespace. No privilege is needed.
func DialRoutes() (*nlsocket.Conn, error) {
	c, err := nlsocket.Dial(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	// Since Linux 4.20 the kernel then filters a dump by what the request says: a
	// router's full table stays in the kernel. Without it everything comes, and
	// is filtered here.
	_ = c.Control(func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	})
	return c, nil
}

// ReadLocalRoutes asks for the local and broadcast routes of c's namespace. It
// asks again, a few times, when the table changed meanwhile.
func ReadLocalRoutes(c *nlsocket.Conn) (LocalRoutes, error) {
	var out LocalRoutes
	for _, q := range []routeRequest{
		{family: unix.AF_INET, routeType: unix.RTN_LOCAL},
		{family: unix.AF_INET6, routeType: unix.RTN_LOCAL},
		{family: unix.AF_INET, routeType: unix.RTN_BROADCAST},
	} {
		var err error
		for range 4 {
			err = c.Dump(appendRouteRequest(nil, q), func(_ uint16, payload []byte) error {
				r, err := parseRoute(payload)
				if err == nil {
					out.add(r)
				}
				return err
			})
			if !errors.Is(err, nlsocket.ErrInterrupted) {
				break
			}
		}
		if err != nil {
			return LocalRoutes{}, fmt.Errorf("dump local routes: %w", err)
		}
	}
	for _, list := range []*[]netip.Prefix{&out.Local, &out.Policy, &out.Broadcast} {
		slices.SortFunc(*list, netip.Prefix.Compare)
		*list = slices.Compact(*list)
	}
	return out, nil
}

func (l *LocalRoutes) add(r route) {
	switch {
	case r.routeType == unix.RTN_BROADCAST:
		l.Broadcast = append(l.Broadcast, r.prefix)
	case r.routeType != unix.RTN_LOCAL:
	case r.table == unix.RT_TABLE_LOCAL || r.table == unix.RT_TABLE_MAIN || r.table == unix.RT_TABLE_DEFAULT:
		l.Local = append(l.Local, r.prefix)
	default:
		l.Policy = append(l.Policy, r.prefix)
	}
}

type routeRequest struct {
	family    uint8
	routeType uint8 // unix.RTN_*
}

func appendRouteRequest(b []byte, q routeRequest) []byte {
	b = nlsocket.AppendHeader(b, unix.RTM_GETROUTE)
	start := len(b)
	b = append(b, make([]byte, routeMessageLen)...)
	b[start] = q.family
	b[start+7] = q.routeType
	return b
}

// route is the part of an RTM_NEWROUTE that matters here.
type route struct {
	prefix    netip.Prefix
	table     uint32
	routeType uint8
}

// parseRoute reads struct rtmsg (include/uapi/linux/rtnetlink.h) and its
// attributes. A route without a destination is the default route.
func parseRoute(payload []byte) (route, error) {
	if len(payload) < routeMessageLen {
		return route{}, fmt.Errorf("route message of %d bytes: %w", len(payload), nlsocket.ErrTruncated)
	}
	family, bits := payload[0], int(payload[1])
	r := route{table: uint32(payload[4]), routeType: payload[7]}
	addr := netip.IPv4Unspecified()
	if family == unix.AF_INET6 {
		addr = netip.IPv6Unspecified()
	}
	for b := payload[routeMessageLen:]; ; {
		attrType, value, rest, ok := nlsocket.NextAttribute(b)
		if !ok {
			break
		}
		b = rest
		switch {
		case attrType == unix.RTA_DST && family == unix.AF_INET && len(value) == 4,
			attrType == unix.RTA_DST && family == unix.AF_INET6 && len(value) == 16:
			addr, _ = netip.AddrFromSlice(value)
		case attrType == unix.RTA_TABLE && len(value) >= 4: // numbers above 255 do not fit in rtmsg
			r.table = binary.NativeEndian.Uint32(value)
		}
	}
	prefix := netip.PrefixFrom(addr, bits)
	if !prefix.IsValid() {
		return route{}, fmt.Errorf("route to %v with a prefix of %d bits", addr, bits)
	}
	r.prefix = prefix.Masked()
	return r, nil
}
