package metrics

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
)

// TestSumOfSeriesIsSumOfMaps: whatever comes and goes, and however little room
// there is, nothing is counted twice and nothing is left out.
func TestSumOfSeriesIsSumOfMaps(t *testing.T) {
	for seed := range uint64(36) {
		c := DefaultSeries()
		c.MaxEdges = []int{1, 3, 20, 80}[seed%4]
		c.MaxExternalNames = []int{1, 2, 50}[seed%3]
		c.MinAge = []time.Duration{0, 30 * time.Second}[seed/2%2]
		c.Addresses = []string{AddressesNone, AddressesServers, AddressesAll}[seed/3%3]
		c.PID = seed%5 == 0
		w, a := newWorld(seed), NewAccumulator(c)
		a.keep = c.MaxEdges
		want, retired, before := sums{}, sums{}, map[*series]totals{}
		for range 50 {
			m := w.window()
			if err := a.Add(m); err != nil {
				t.Fatal(err)
			}
			want.ofMap(m)
			// Series of which nothing is known any more had been added up before.
			for s, old := range before {
				if a.series[*s.id] != s {
					retired.ofSeries(s.id, &old)
				}
			}
			got := sums{}
			clear(before)
			for _, s := range a.series {
				got.ofSeries(s.id, &s.totals)
				before[s] = s.totals
			}
			if d := cmp.Diff(want, got.plus(retired)); d != "" {
				t.Fatalf("seed %d, %d windows (-maps +series):\n%s", seed, a.host.windows, d)
			}
			checkBounds(t, a, m)
		}
	}
}

// checkBounds holds the promises about how many series there are, and what of
// them is shown.
func checkBounds(t *testing.T, a *Accumulator, m *topology.Map) {
	t.Helper()
	s := a.snapshot(nil)
	own, other, names := 0, 0, map[end]map[end]bool{}
	var active, wantActive uint64
	for _, v := range s.series {
		if v.id.other() {
			other++
		} else {
			own++
		}
		active += v.totals.active
		if v.id.b.external && !v.id.b.anonymous() {
			if names[v.id.a] == nil {
				names[v.id.a] = map[end]bool{}
			}
			names[v.id.a][v.id.b] = true
		}
	}
	for _, e := range m.Edges {
		wantActive += e.Connections.Active
	}
	if own > a.config.MaxEdges || own != a.shown || other > 6 || len(a.series) > 3*a.config.MaxEdges+6 {
		t.Fatalf("%d series and %d others are shown, %d counted as shown, %d kept; at most %d may be", own, other, a.shown, len(a.series), a.config.MaxEdges)
	}
	for client, list := range names {
		if len(list) > a.config.MaxExternalNames {
			t.Fatalf("%v has %d ends outside", client, len(list))
		}
	}
	if active != wantActive {
		t.Fatalf("%d connections are open in the series, %d in the map", active, wantActive)
	}
}

func TestSeriesOfAnEdge(t *testing.T) {
	nginx, worker, app := program(1, "nginx", -100), program(2, "nginx", -90), program(3, "app.py", -80)
	app.Attributes.Deployment, app.Attributes.Namespace, app.Attributes.PodContainer = "shop", "prod", "main"
	a := NewAccumulator(DefaultSeries())
	add(t, a, windowOf(0, 10, []topology.Node{nginx, worker, app}, calls(nginx, app, 9000), calls(worker, app, 9000)))
	add(t, a, windowOf(10, 20, []topology.Node{nginx, app}, calls(nginx, app, 9000)))
	s := a.snapshot(nil)
	if len(s.series) != 1 {
		t.Fatalf("%d series, want one of both workers", len(s.series))
	}
	want := identity{a: end{host: "web-1", program: "nginx"},
		b:    end{host: "web-1", namespace: "prod", workload: "shop", container: "main", program: "app.py"},
		port: 9000, transport: "tcp", observed: "both"}
	if d := cmp.Diff(want, *s.series[0].id, cmp.AllowUnexported(identity{}, end{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	got := s.series[0].totals
	if got.bytes != [2]count{{300, true}, {6000, true}} || got.active != 2 || got.opened != 9 || got.failed != 12 || got.unnamed() != 3 ||
		got.rtt.count != 9 || got.rtt.sum != 15900 || s.series[0].started != at(0).UnixMilli() {
		t.Errorf("%+v since %d", got, s.series[0].started)
	}
}

func add(t *testing.T, a *Accumulator, m *topology.Map) {
	t.Helper()
	if err := a.Add(m); err != nil {
		t.Fatal(err)
	}
}

// ends are the ends of what is shown, as "client>server".
func ends(a *Accumulator) map[string]uint64 {
	out := map[string]uint64{}
	for _, v := range a.snapshot(nil).series {
		name := func(e end) string { return e.program + e.address + e.pid }
		out[name(v.id.a)+">"+name(v.id.b)] += v.totals.opened
	}
	return out
}

func wantEnds(t *testing.T, when string, a *Accumulator, want map[string]uint64) {
	t.Helper()
	if d := cmp.Diff(want, ends(a)); d != "" {
		t.Errorf("%s (-want +got):\n%s", when, d)
	}
}

func TestShortLivedProgramsHaveNoSeries(t *testing.T) {
	a := NewAccumulator(DefaultSeries())
	nginx := program(1, "nginx", -100)
	for i := range 3 { // one that is run again and again is a program that stays
		curl := program(10+i, "curl", i*20+1)
		add(t, a, windowOf(i*20, i*20+10, []topology.Node{nginx, curl}, calls(curl, nginx, 80)))
	}
	wantEnds(t, "after 50 s", a, map[string]uint64{"~short-lived>nginx": 6, "curl>nginx": 3})
	once := program(20, "once", 61)
	add(t, a, windowOf(60, 70, []topology.Node{nginx, once}, calls(once, nginx, 80)))
	add(t, a, windowOf(90, 100, []topology.Node{nginx, once}, calls(once, nginx, 80)))
	wantEnds(t, "after 100 s", a, map[string]uint64{"~short-lived>nginx": 9, "curl>nginx": 3, "once>nginx": 3})
	if n := a.snapshot(nil).dropped["min_age"]; n != 3 {
		t.Errorf("%d dropped, want 3", n)
	}
	c := DefaultSeries()
	c.MinAge = 0
	a = NewAccumulator(c)
	add(t, a, windowOf(60, 70, []topology.Node{nginx, once}, calls(once, nginx, 80)))
	wantEnds(t, "without a minimum", a, map[string]uint64{"once>nginx": 3})
}

func TestEndsThatAreNoProcess(t *testing.T) {
	app := program(1, "app", -100)
	out, in, local, group := address("203.0.113.9"), address("198.51.100.4"), address("10.0.0.1"), address("224.0.0.251")
	local.Attributes.AddressLocal = true
	named, pod := address("203.0.113.7"), address("10.244.0.7")
	named.Name = "pay.example.com"
	pod.Name, pod.Attributes.Namespace, pod.Attributes.PodName, pod.Attributes.Deployment = "prod/shop-1", "prod", "shop-1", "shop"
	kernel := topology.Node{ID: "kernel:1", Kind: topology.KindKernel, Name: "kernel"}
	unknown := topology.Node{ID: "address:unknown", Kind: topology.KindAddress, Name: "unknown"}
	tilde := program(2, "~other", -100)
	nodes := []topology.Node{app, out, in, local, group, named, pod, kernel, unknown, tilde}
	edges := []topology.Edge{calls(app, out, 443), calls(in, app, 80), calls(app, local, 1), calls(app, group, 5353), calls(app, named, 443),
		calls(app, pod, 80), calls(app, kernel, 2049), calls(unknown, app, 80), calls(app, tilde, 1)}
	want := map[string]map[string]uint64{
		AddressesNone: {"app>~external": 6, "~external>app": 3, "app>~local": 3, "app>~multicast": 3, "app>~pay.example.com": 3,
			"app>~kernel": 3, "~unknown>app": 3, "app>./~other": 3},
		AddressesServers: {"app>~external203.0.113.9": 3, "~external>app": 3, "app>~local10.0.0.1": 3, "app>~multicast224.0.0.251": 3,
			"app>~pay.example.com203.0.113.7": 3, "app>~external10.244.0.7": 3, "app>~kernel": 3, "~unknown>app": 3, "app>./~other": 3},
	}
	for addresses, want := range want {
		c := DefaultSeries()
		c.Addresses = addresses
		a := NewAccumulator(c)
		add(t, a, windowOf(0, 10, nodes, edges...))
		wantEnds(t, addresses, a, want)
	}
	a := NewAccumulator(DefaultSeries())
	add(t, a, windowOf(0, 10, nodes, edges...))
	for _, v := range a.snapshot(nil).series {
		if v.id.b.workload == "shop" && v.id.b.namespace == "prod" {
			return
		}
	}
	t.Error("the address of a pod has not the name of its workload")
}

// TestExternalNamesOfAProgram: what one program may have too many of is added up
// for that program, and counted; others are not touched, and ends that have
// series keep them.
func TestExternalNamesOfAProgram(t *testing.T) {
	c := DefaultSeries()
	c.Addresses, c.MaxExternalNames = AddressesAll, 2
	a := NewAccumulator(c)
	app, crawler := program(1, "app", -100), program(2, "crawler", -100)
	nodes := []topology.Node{app, crawler}
	var edges []topology.Edge
	for i := range 4 {
		n := address(fmt.Sprintf("203.0.113.%d", i))
		nodes = append(nodes, n)
		edges = append(edges, calls(crawler, n, 443))
	}
	edges = append(edges, calls(app, nodes[5], 443), calls(nodes[4], app, 80), calls(nodes[3], app, 80))
	for i := range 2 {
		add(t, a, windowOf(i*10, i*10+10, nodes, edges...))
	}
	wantEnds(t, "too many", a, map[string]uint64{"crawler>~external203.0.113.0": 6, "crawler>~external203.0.113.1": 6, "crawler>~other": 12,
		"app>~external203.0.113.3": 6, "~external203.0.113.2>app": 6, "~other>app": 6})
	if n := a.snapshot(nil).dropped["external_names"]; n != 6 {
		t.Errorf("%d edges were added up, want 6", n)
	}
}

// TestSeriesThatComeBack: what is not seen for long is not shown; seen again it
// goes on where it ended, with the same start.
func TestSeriesThatComeBack(t *testing.T) {
	c := DefaultSeries()
	c.MaxEdges = 2
	a := NewAccumulator(c)
	app, db, cache, mail := program(1, "app", -100), program(2, "db", -100), program(3, "cache", -100), program(4, "mail", -100)
	nodes := []topology.Node{app, db, cache, mail}
	add(t, a, windowOf(0, 10, nodes, calls(app, db, 1)))
	add(t, a, windowOf(10, 20, nodes, calls(app, cache, 1)))
	wantEnds(t, "both", a, map[string]uint64{"app>db": 3, "app>cache": 3})
	add(t, a, windowOf(20, 30, nodes, calls(app, mail, 1)))
	wantEnds(t, "no room", a, map[string]uint64{"app>db": 3, "app>cache": 3, "~other>~other": 3})
	add(t, a, windowOf(905, 915, nodes, calls(app, mail, 1)))
	wantEnds(t, "the first has expired", a, map[string]uint64{"app>mail": 3, "app>cache": 3, "~other>~other": 3})
	add(t, a, windowOf(1900, 1910, nodes, calls(app, db, 1)))
	wantEnds(t, "it comes back", a, map[string]uint64{"app>db": 6})
	if s := a.snapshot(nil).series[0]; s.started != at(0).UnixMilli() {
		t.Errorf("started %v", time.UnixMilli(s.started).UTC())
	}
}

// TestPairsAreTheSameEitherWayRound: of two programs without roles there is one
// series, whichever has the smaller process id.
func TestPairsAreTheSameEitherWayRound(t *testing.T) {
	a1, b1, a2, b2 := program(1, "a", -100), program(2, "b", -100), program(4, "a", -100), program(3, "b", -100)
	pair := func(x, y topology.Node, there, back uint64) topology.Edge {
		b := &topology.Bytes{FirstToSecond: &there, SecondToFirst: &back}
		return topology.Edge{Ends: []string{x.ID, y.ID}, EndPorts: []uint16{5, 6}, Transport: "udp", Bytes: b, Sides: &topology.Sides{First: b}}
	}
	a := NewAccumulator(DefaultSeries())
	e, f := pair(a1, b1, 10, 1), pair(b2, a2, 2, 20)
	f.Sides = &topology.Sides{Second: f.Bytes}
	add(t, a, windowOf(0, 10, []topology.Node{a1, b1, a2, b2}, e, f))
	s := a.snapshot(nil).series
	if len(s) != 1 || !s[0].id.pair || s[0].id.a.program != "a" || s[0].totals.bytes != [2]count{{30, true}, {3, true}} || s[0].id.observed != "first" {
		t.Errorf("%+v", s)
	}
}

func TestProtocolsOfASeries(t *testing.T) {
	for want, rows := range map[string][]topology.Protocol{
		"/":          {{Connections: 1}},
		"http/true":  {{Name: "http", TLS: new(true), Connections: 1}},
		"http/":      {{Name: "http", TLS: new(true)}, {Name: "http", TLS: new(false)}},
		"~mixed/":    {{Name: "http", TLS: new(false)}, {}},
		"/false":     {{TLS: new(false)}},
		"redis/":     {{Name: "redis"}},
		"~mixed/tru": nil,
	} {
		name, tls := protocolOf(&topology.Edge{Protocols: rows})
		if rows != nil && name+"/"+tls != want {
			t.Errorf("%v: %s/%s, want %s", rows, name, tls, want)
		}
	}
}

// TestSamplesWithoutBuckets: they cannot be in a histogram, and that is said.
func TestSamplesWithoutBuckets(t *testing.T) {
	app, db := program(1, "app", -100), program(2, "db", -100)
	e := calls(app, db, 1)
	e.RTT = &topology.Stat{Count: 2, Sum: 6000, Min: 1000, Max: 5000}
	a := NewAccumulator(DefaultSeries())
	add(t, a, windowOf(0, 10, []topology.Node{app, db}, e))
	if s := a.snapshot(nil); s.series[0].totals.rtt.count != 0 || s.series[0].totals.connect.count != 2 || s.dropped["no_buckets"] != 1 {
		t.Errorf("%+v, %v", s.series[0].totals, s.dropped)
	}
}

func TestSeriesConfigSaysWhatIsWrong(t *testing.T) {
	if err := DefaultSeries().Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*SeriesConfig){
		"max_edges is 0: give a number from 1 to 1000000":                        func(c *SeriesConfig) { c.MaxEdges = 0 },
		"min_age is -1s: give a time from 0 to 1h":                               func(c *SeriesConfig) { c.MinAge = -time.Second },
		"expire is 1s: give a time from 1m, longer than the receiver's interval": func(c *SeriesConfig) { c.Expire = time.Second },
		"max_external_names_per_client is 0: give a number from 1":               func(c *SeriesConfig) { c.MaxExternalNames = 0 },
		"addresses is \"some\": it is one of none, servers, all":                 func(c *SeriesConfig) { c.Addresses = "some" },
	} {
		c := DefaultSeries()
		change(&c)
		if err := c.Validate(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// BenchmarkAdd is a window of 5,000 edges between programs.
func BenchmarkAdd(b *testing.B) {
	m := large(5000)
	a := NewAccumulator(DefaultSeries())
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Add(m); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/5000, "ns/edge")
}

// large has that many edges, each of another pair of programs.
func large(edges int) *topology.Map {
	m := windowOf(0, 10, nil)
	for i := range edges {
		client, server := program(2*i+1, fmt.Sprintf("client-program-%d", i), -100), program(2*i+2, fmt.Sprintf("server-program-%d", i), -100)
		for _, n := range []*topology.Node{&client, &server} {
			n.Attributes.Namespace, n.Attributes.Deployment, n.Attributes.PodContainer = "production", fmt.Sprintf("deployment-%d", i), "main"
		}
		m.Nodes = append(m.Nodes, client, server)
		m.Edges = append(m.Edges, calls(client, server, 8080))
	}
	return m
}
