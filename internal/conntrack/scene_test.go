package conntrack

import (
	"encoding/binary"
	"errors"
	"flag"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

var update = flag.Bool("update", false, "record testdata from this kernel and rewrite the golden files")

// redirects sends port 80 of a namespace's own connections to 8080, of both
// families and both transports.
const redirects = `table inet nat {
 chain out {
  type nat hook output priority -100
  policy accept
  tcp dport 80 redirect to :8080
  udp dport 80 redirect to :8080
 }
}
`

// translating makes a namespace with these rules.
func translating(t testing.TB, rules string) *capturetest.Namespace {
	t.Helper()
	path, err := exec.LookPath("nft")
	if err != nil {
		t.Skip("needs nft(8)")
	}
	n := capturetest.NewNamespace(t)
	capturetest.In(t, n, func() error {
		c := exec.Command(path, "-f", "-")
		c.Stdin = strings.NewReader(rules)
		if out, err := c.CombinedOutput(); err != nil {
			return errors.New("nft: " + string(out))
		}
		return nil
	})
	return n
}

// call dials an address in the namespace, says something, and hangs up.
func call(t testing.TB, n *capturetest.Namespace, network, address string) (client netip.AddrPort) {
	t.Helper()
	capturetest.In(t, n, func() error {
		c, err := net.Dial(network, address)
		if err != nil {
			return err
		}
		defer c.Close()
		client = netip.MustParseAddrPort(c.LocalAddr().String())
		_, err = c.Write([]byte("x"))
		return err
	})
	return client
}

// enter lets s into the namespace.
func enter(t testing.TB, s *Source, n *capturetest.Namespace) {
	t.Helper()
	capturetest.In(t, n, func() error { s.Enter(flow.NetnsID(n.Inode), n.Inode); return nil })
}

func newSource(t testing.TB) *Source {
	t.Helper()
	s, err := New("/proc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// told are the translations and losses of one call.
type told struct {
	list   []flow.Translation
	losses int
}

func (o *told) emit(x flow.Observation) {
	switch x := x.(type) {
	case *flow.Translation:
		o.list = append(o.list, *x)
	case *flow.Loss:
		o.losses++
	}
}

func take(s *Source) (o told) { s.Take(o.emit); return o }

// dialIn opens a connection to the table of a namespace.
func dialIn(t testing.TB, n *capturetest.Namespace, groups ...uint32) *nlsocket.Conn {
	t.Helper()
	var c *nlsocket.Conn
	capturetest.In(t, n, func() (err error) { c, err = nlsocket.Dial(unix.NETLINK_NETFILTER, groups...); return err })
	t.Cleanup(func() { c.Close() })
	return c
}

// request completes a message that is not a dump.
func request(msgType, flags uint16, family uint8, attributes []byte) []byte {
	b := nlsocket.AppendHeader(nil, msgType)
	b = append(append(b, family, 0, 0, 0), attributes...)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|flags)
	return b
}

func attribute(attrType uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, attrType)
	b = append(b, value...)
	return append(b, make([]byte, -len(value)&3)...)
}

func nested(attrType uint16, attributes ...[]byte) []byte {
	var b []byte
	for _, a := range attributes {
		b = append(b, a...)
	}
	return attribute(attrType|unix.NLA_F_NESTED, b)
}

func be16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func tupleBytes(from, to netip.AddrPort) []byte {
	return append(nested(tupleIP, attribute(ipSource4, from.Addr().AsSlice()), attribute(ipDestination4, to.Addr().AsSlice())),
		nested(tupleProtocol, attribute(protocolNumber, []byte{unix.IPPROTO_UDP}), attribute(protocolSource, be16(from.Port())), attribute(protocolDestine, be16(to.Port())))...)
}

// newEntry asks the kernel to make an entry of a UDP flow, whose destination is
// rewritten to 10.0.0.3 if translated.
func newEntry(i int, translated bool) []byte {
	const (
		timeout, natDestination = 7, 13
		natMinIP, natMaxIP      = 1, 2
		confirmed, assured      = 1 << 3, 1 << 2
	)
	from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 16), byte(i >> 8)}), uint16(1000+i&255))
	to := netip.MustParseAddrPort("10.0.0.2:53")
	b := append(nested(attrOriginal, tupleBytes(from, to)), nested(attrReply, tupleBytes(to, from))...)
	b = append(b, attribute(attrStatus, be32(confirmed|assured))...)
	b = append(b, attribute(timeout, be32(600))...)
	if translated {
		b = append(b, nested(natDestination, attribute(natMinIP, []byte{10, 0, 0, 3}), attribute(natMaxIP, []byte{10, 0, 0, 3}))...)
	}
	return request(msgNew, unix.NLM_F_CREATE|unix.NLM_F_EXCL, unix.AF_INET, b)
}

// fill makes entries, and clear removes all there are.
func fill(t testing.TB, c *nlsocket.Conn, first, number int, translated bool) {
	t.Helper()
	for i := first; i < first+number; i++ {
		if err := c.Send(newEntry(i, translated)); err != nil {
			t.Fatal(err)
		}
	}
}

func empty(t testing.TB, c *nlsocket.Conn) {
	t.Helper()
	if err := c.Send(request(msgDelete, 0, 0, nil)); err != nil {
		t.Fatal(err)
	}
}
