package filter

import (
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peerscope/internal/topology"
)

// same compares expressions by all that makes them match.
var same = cmp.Options{cmp.AllowUnexported(Expr{}, term{}, value{}, key{}, quantity{}), cmpopts.EquateComparable(value{}.prefix),
	cmp.Comparer(func(a, b *regexp.Regexp) bool { return a == b || a != nil && b != nil && a.String() == b.String() })}

func again(t *testing.T, e *Expr) {
	t.Helper()
	s := e.String()
	got, err := Parse(s)
	if err != nil {
		t.Fatalf("%s cannot be read again: %v", s, err)
	}
	if !reflect.DeepEqual(e, got) { // quicker than what tells the difference
		d := cmp.Diff(e, got, same)
		t.Fatalf("%s (-printed +read):\n%s", s, d)
	}
}

// TestWhatIsPrintedIsReadAgain: random expressions, made as Parse makes them.
func TestWhatIsPrintedIsReadAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	words := []string{"nginx", "or", "-x", "a b", `q"\`, "/run/x", "ü", "a:b", "10.0.0.7", "a,b", "(", "x*y", "=", "~a", "!", "\xff", "a/", "from:", "="}
	pick := func(of []string) string { return of[r.IntN(len(of))] }
	var expr func(depth int) *Expr
	expr = func(depth int) *Expr {
		if depth > 0 {
			switch o := op(r.IntN(4)); o {
			case opAnd, opOr:
				return join(o, []*Expr{expr(depth - 1), expr(depth - 1), expr(depth - 1)})
			case opNot:
				return &Expr{op: opNot, kids: []*Expr{expr(depth - 1)}}
			}
		}
		tm := &term{cmp: ":", end: end(r.IntN(3))}
		if r.IntN(2) == 0 {
			tm.key = keyOf(pick([]string{"proc", "cmd", "dns"}))
			tm.cmp = pick([]string{":", "=", "!="})
		}
		for range 1 + r.IntN(3) {
			w := pick(words)
			v := value{form: literal, text: w, fold: strings.ToLower(w)}
			v.prefix, _ = parsePrefix(w)
			if r.IntN(4) == 0 {
				re := regexp.MustCompile(pick([]string{"a b", "a/b", `\d+/`, `x\\/y`, "^(a|b),$", `"`}))
				v = value{form: regex, text: re.String(), fold: strings.ToLower(re.String()), re: re}
			}
			tm.values = append(tm.values, v)
			tm.paths = tm.paths || strings.Contains(v.text, "/")
			tm.addresses = tm.addresses || v.prefix.IsValid()
		}
		return &Expr{op: opTerm, term: tm}
	}
	for range 20_000 {
		again(t, expr(r.IntN(4)))
	}
}

// FuzzParse: nothing panics, an error has its place, and what is printed is
// read again as the same, and matches the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"nginx to:port:5432 rtt>10ms", "from:ns:shop !to:is:external err>1%", "pid:812 or pid:913",
		`to:dns:*.amazonaws.com bytes>1MB/s`, `!(a or "b c") cmd~"x\.y" path:/run/x.sock ip:10.0.0.0/8,fe80::1 port:10..20`,
		"/a*,\"b/,c\"", "a | -b and not c", "cmd:/a\\ b\\//,/c*", "status:5xx retx!=1k/s tls:true"} {
		f.Add(s)
	}
	m := &topology.Map{Nodes: []topology.Node{{ID: "a", Kind: topology.KindProcess, Name: "nginx"}},
		Edges: []topology.Edge{{Client: "a", Server: "b", Transport: "tcp", ServerPort: 80}}}
	scene := NewScene(m)
	f.Fuzz(func(t *testing.T, s string) {
		e, err := Parse(s)
		if err != nil {
			if bad, ok := err.(*Error); !ok || bad.Offset < 0 || bad.Offset > len(s) || bad.What == "" {
				t.Fatalf("%q: error %#v", s, err)
			}
			return
		}
		again(t, e)
		twice, _ := Parse(e.String())
		if e.Match(scene, &m.Edges[0]) != twice.Match(scene, &m.Edges[0]) || e.String() != twice.String() {
			t.Fatalf("%q and what it prints differ", s)
		}
		Complete(s)
		e.Absent()
		e.Blame(m)
	})
}

// BenchmarkMatch is one filter of several terms over 100,000 edges.
func BenchmarkMatch(b *testing.B) {
	m := &topology.Map{Window: topology.Window{Start: "2026-01-02T03:04:05.000Z", End: "2026-01-02T03:04:15.000Z"}}
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 10_000 {
		id := "process:" + string(rune('a'+i%26)) + "/" + string(rune(0x4e00+i))
		m.Nodes = append(m.Nodes, topology.Node{ID: id, Kind: topology.KindProcess, Name: []string{"nginx", "postgres", "python3"}[i%3], Attributes: topology.Attributes{
			PID: int32(i), ExecutablePath: "/usr/sbin/program", CommandLine: "program --with=arguments", Unit: "program.service"}})
	}
	for range 100_000 {
		m.Edges = append(m.Edges, topology.Edge{Client: m.Nodes[r.IntN(10_000)].ID, Server: m.Nodes[r.IntN(10_000)].ID, Transport: "tcp",
			ServerPort: uint16(r.IntN(9000)), Bytes: &topology.Bytes{ToServer: new(uint64(5)), ToClient: new(r.Uint64N(1 << 24))}})
	}
	for name, s := range map[string]string{"Word": "nginx", "Terms": "from:proc:python to:port:5000..6000 bytes>100kB/s", "Pattern": "unit~^prog.*ice$ !user:root"} {
		e, err := Parse(s)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				scene := NewScene(m)
				n := 0
				for i := range m.Edges {
					if e.Match(scene, &m.Edges[i]) {
						n++
					}
				}
				b.ReportMetric(float64(n), "matched")
			}
		})
	}
}
