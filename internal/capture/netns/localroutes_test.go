package netns

import (
	"encoding/binary"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/capture/nlsocket"
)

var update = flag.Bool("update", false, "record testdata from this kernel and rewrite the golden files")

func recordRoutes(t *testing.T, r *capturetest.Recording) {
	c := routesScene(t)
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if err := c.Dump(appendRouteRequest(nil, routeRequest{family: family}), r.Add); err != nil {
			t.Fatal(err)
		}
	}
}

// routesScene is a namespace with an own address, a prefix given to it, and the
// routes of a transparent proxy.
func routesScene(t testing.TB) *nlsocket.Conn {
	t.Helper()
	n := capturetest.NewNamespace(t)
	capturetest.IP(t, n,
		"link add psnl0 type veth peer name psnl1", "link set psnl0 up", "link set psnl1 up",
		"addr add 10.9.0.1/24 broadcast 10.9.0.255 dev psnl0",
		"addr add 2001:db8::1/64 dev psnl0 nodad",
		"route add local 192.0.2.0/24 dev lo",
		"route add local 0.0.0.0/0 dev lo table 100",
		"route add local ::/0 dev lo table 1000",
		"route add 198.51.100.0/24 via 10.9.0.2",
	)
	var c *nlsocket.Conn
	capturetest.In(t, n, func() (err error) { c, err = DialRoutes(); return err })
	t.Cleanup(func() { c.Close() })
	return c
}

func rawAttribute(attrType uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofNlAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, attrType)
	b = append(b, value...)
	return append(b, make([]byte, -len(b)&3)...)
}

func TestParseRecordedRoutes(t *testing.T) {
	capturetest.CheckRecorded(t, "routes", *update, recordRoutes, func(payload []byte) (string, error) {
		r, err := parseRoute(payload)
		return fmt.Sprintf("%v table=%d type=%d", r.prefix, r.table, r.routeType), err
	})
}

func TestOwnAddressesAreNotThoseOfATransparentProxy(t *testing.T) {
	c := routesScene(t)
	var got LocalRoutes
	// The kernel puts the route of an IPv6 address in place a moment after the
	// address.
	eventually(t, "the IPv6 address has a route", func() bool {
		var err error
		if got, err = ReadLocalRoutes(c); err != nil {
			t.Fatal(err)
		}
		return slices.Contains(got.Local, netip.MustParsePrefix("2001:db8::1/128"))
	})
	prefixes := func(s ...string) (out []netip.Prefix) {
		for _, p := range s {
			out = append(out, netip.MustParsePrefix(p))
		}
		return out
	}
	// Addresses that the kernel makes of a device's random hardware address.
	var local []netip.Prefix
	for _, p := range got.Local {
		if !p.Addr().IsLinkLocalUnicast() {
			local = append(local, p)
		}
	}
	got.Local = local
	want := LocalRoutes{
		Local:     prefixes("10.9.0.1/32", "127.0.0.0/8", "127.0.0.1/32", "192.0.2.0/24", "::1/128", "2001:db8::1/128"),
		Policy:    prefixes("0.0.0.0/0", "::/0"),
		Broadcast: prefixes("10.9.0.255/32", "127.255.255.255/32"),
	}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("local routes (-want +got):\n%s", d)
	}
}

func TestParseRoute(t *testing.T) {
	message := func(family, bits, table, routeType byte, attributes ...[]byte) []byte {
		b := []byte{family, bits, 0, 0, table, 0, 0, routeType, 0, 0, 0, 0}
		for _, a := range attributes {
			b = append(b, a...)
		}
		return b
	}
	f := func(payload []byte, want string, wantErr bool) {
		t.Helper()
		r, err := parseRoute(payload)
		got := fmt.Sprintf("%v table=%d type=%d", r.prefix, r.table, r.routeType)
		if (err != nil) != wantErr || err == nil && got != want {
			t.Errorf("parseRoute(%x) = %s, %v; want %s, error %v", payload, got, err, want, wantErr)
		}
	}
	v4, v6 := []byte{192, 0, 2, 77}, netip.MustParseAddr("2001:db8::7").AsSlice()
	f(message(unix.AF_INET, 24, 255, unix.RTN_LOCAL, rawAttribute(unix.RTA_DST, v4)), "192.0.2.0/24 table=255 type=2", false)
	f(message(unix.AF_INET6, 128, 255, unix.RTN_LOCAL, rawAttribute(unix.RTA_DST, v6)), "2001:db8::7/128 table=255 type=2", false)
	f(message(unix.AF_INET, 0, 100, unix.RTN_LOCAL), "0.0.0.0/0 table=100 type=2", false)
	f(message(unix.AF_INET6, 0, 252, unix.RTN_LOCAL, rawAttribute(unix.RTA_TABLE, []byte{0xe8, 3, 0, 0})), "::/0 table=1000 type=2", false)
	f(message(unix.AF_INET, 33, 255, unix.RTN_LOCAL, rawAttribute(unix.RTA_DST, v4)), "", true)
	f(message(unix.AF_INET, 8, 255, unix.RTN_LOCAL, rawAttribute(unix.RTA_DST, v6)), "0.0.0.0/8 table=255 type=2", false)
	f([]byte{2, 8, 0}, "", true)
}

func FuzzRoute(f *testing.F) {
	for _, p := range capturetest.RecordedPayloads(f, "routes") {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if r, err := parseRoute(payload); err == nil && r.prefix != r.prefix.Masked() {
			t.Errorf("prefix %v has bits past its length", r.prefix)
		}
	})
}

func BenchmarkReadLocalRoutes(b *testing.B) {
	c := routesScene(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadLocalRoutes(c); err != nil {
			b.Fatal(err)
		}
	}
}
