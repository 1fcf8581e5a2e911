package recording_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
	"peerscope/internal/recording"
)

var created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// every is one observation of each type, with every field set. The first test
// checks that no type is missing.
func every(t testing.TB) []flow.Observation {
	t.Helper()
	all := []flow.Observation{&flow.Window{}, &flow.Host{}, &flow.Capture{}, &flow.Gap{}, &flow.Namespace{}, &flow.Process{},
		&flow.Socket{}, &flow.UnixSocket{}, &flow.Translation{}, &flow.Handover{}, &flow.Exit{}, &flow.Census{}, &flow.Loss{}, &flow.AddressName{}}
	seed := uint64(0)
	for _, o := range all {
		fill(t, reflect.ValueOf(o).Elem(), &seed)
	}
	return all
}

// fill sets every field below v to a value of its own that is not zero.
func fill(t testing.TB, v reflect.Value, seed *uint64) {
	t.Helper()
	*seed++
	n := *seed
	switch p := v.Addr().Interface().(type) {
	case *netip.AddrPort:
		*p = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), uint16(n))
		return
	case *netip.Addr:
		*p = netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)})
		return
	case *flow.AddressKind:
		*p = flow.AddressNode
		return
	case *netip.Prefix:
		*p = netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 15: byte(n)}), 64)
		return
	case *flow.Transport:
		*p = flow.UDP
		return
	case *flow.State:
		*p = flow.CloseWait
		return
	case *flow.Role:
		*p = flow.Server
		return
	case *flow.LossReason:
		*p = flow.LossLate
		return
	case *flow.UnixType:
		*p = flow.UnixSeqpacket
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), seed)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), seed)
		fill(t, v.Index(1), seed)
	case reflect.String:
		v.SetString(fmt.Sprintf("<%d> & \"é\" \\ \n", n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(-int64(n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		// Large, to find a number that went through a float.
		v.SetUint(1<<(v.Type().Bits()-1) + n)
	default:
		t.Fatalf("the test cannot fill %v", v.Type())
	}
	if v.IsZero() {
		t.Fatalf("%v is still zero", v.Type())
	}
}

// compareAddrs lets cmp compare addresses by value.
var compareAddrs = cmp.Options{
	cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func write(t testing.TB, o recording.Options, all ...flow.Observation) []byte {
	t.Helper()
	var b bytes.Buffer
	o.Created = created
	w, err := recording.NewWriter(&b, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		if err := w.Write(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readAll reads until an error, which is io.EOF at a proper end.
func readAll(b []byte) ([]flow.Observation, *recording.Reader, error) {
	r, err := recording.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	var all []flow.Observation
	for {
		o, err := r.Next()
		if err != nil {
			return all, r, err
		}
		all = append(all, o)
	}
}

func TestEveryTypeOfObservationIsKnown(t *testing.T) {
	// What implements flow.Observation, out of the source of the package.
	var want []string
	files, err := os.ReadDir("../flow")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), "../flow/"+file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "observation" && f.Recv != nil {
				want = append(want, "*flow."+f.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name)
			}
		}
	}
	var got []string
	for _, o := range every(t) {
		got = append(got, fmt.Sprintf("%T", o))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types of observation (-flow +recording):\n%s", diff)
	}
}

func TestRoundTripKeepsEveryField(t *testing.T) {
	all := every(t)
	for _, compress := range []bool{false, true} {
		b := write(t, recording.Options{Compress: compress, Tool: "peerscope test"}, all...)
		got, r, err := readAll(b)
		if err == nil || err.Error() != "EOF" {
			t.Errorf("compress %v: ended with %v", compress, err)
		}
		if diff := cmp.Diff(all, got, compareAddrs); diff != "" {
			t.Errorf("compress %v (-written +read):\n%s", compress, diff)
		}
		want := recording.Header{Format: recording.Format, Version: 1, Created: created, Tool: "peerscope test"}
		if diff := cmp.Diff(want, r.Header()); diff != "" || r.Skipped() != 0 {
			t.Errorf("compress %v: %d skipped, header (-want +got):\n%s", compress, r.Skipped(), diff)
		}
		if again := write(t, recording.Options{Compress: compress, Tool: "peerscope test"}, got...); !bytes.Equal(b, again) {
			t.Errorf("compress %v: the same observations make other bytes", compress)
		}
	}
}

func TestRoundTripKeepsWhatIsNotKnown(t *testing.T) {
	link := netip.MustParseAddrPort("[fe80::1%eth0]:53")
	all := []flow.Observation{
		&flow.Socket{}, &flow.UnixSocket{}, &flow.Process{}, &flow.Exit{}, &flow.Census{}, &flow.Handover{}, &flow.Namespace{}, &flow.Translation{},
		&flow.Loss{}, &flow.AddressName{}, &flow.Gap{}, &flow.Host{}, &flow.Capture{}, &flow.Window{},
		// Nobody holds it; who holds it is not known; both with all fields.
		&flow.Socket{Holders: []flow.ProcessKey{}, Tuple: flow.Tuple{Local: link}, Errno: "ECONNREFUSED"},
		&flow.Socket{Cookie: 1<<64 - 1, Netns: 1 << 63},
		&flow.UnixSocket{Holders: []flow.ProcessKey{}, Path: "@\x00a\nb"},
	}
	got, _, _ := readAll(write(t, recording.Options{}, all...))
	if diff := cmp.Diff(all, got, compareAddrs); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
}

func TestBytesOfRecording(t *testing.T) {
	got := string(write(t, recording.Options{Tool: "peerscope 1.0 <x>"},
		&flow.Window{Start: 7},
		&flow.Socket{Time: 7, Cookie: 1, Netns: 2, Transport: flow.TCP, State: flow.Listen, Holders: []flow.ProcessKey{},
			Tuple: flow.Tuple{Local: netip.MustParseAddrPort("0.0.0.0:80"), Peer: netip.MustParseAddrPort("0.0.0.0:0")}},
		&flow.Gap{Code: "no_bpf", Reason: "a & <b>"}))
	want := `{"format":"peerscope.recording","version":1,"created":"2026-01-02T03:04:05Z","tool":"peerscope 1.0 <x>"}
{"t":"window","o":{"start":7}}
{"t":"socket","o":{"time":7,"cookie":1,"netns":2,"transport":"tcp","state":"listen","local":"0.0.0.0:80","peer":"0.0.0.0:0","holders":[]}}
{"t":"gap","o":{"code":"no_bpf","reason":"a & <b>"}}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
