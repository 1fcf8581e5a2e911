package netlink

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestParseRecordedRoutes(t *testing.T) {
	checkRecorded(t, "routes", recordRoutes, func(payload []byte) (string, error) {
		r, err := parseRoute(payload)
		return fmt.Sprintf("%v table=%d type=%d", r.prefix, r.table, r.routeType), err
	})
}

func TestOwnAddressesAreNotThoseOfATransparentProxy(t *testing.T) {
	got, err := readLocalRoutes(routesScene(t))
	if err != nil {
		t.Fatal(err)
	}
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
	want := localRoutes{
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
	for _, p := range recordedPayloads(f, "routes") {
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
		if _, err := readLocalRoutes(c); err != nil {
			b.Fatal(err)
		}
	}
}
