package filter_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/filter"
	"peerscope/internal/topology"
)

const all = "in app db refused sock twins noroles"

// matches checks which edges of the shop each expression wants: expression and
// edges in turn. Together these tests are the meaning of the language.
func matches(t *testing.T, pairs ...string) {
	t.Helper()
	m := shop()
	for i := 0; i < len(pairs); i += 2 {
		if got := matched(t, m, pairs[i]); got != pairs[i+1] {
			t.Errorf("%s\n got %s\nwant %s", pairs[i], got, pairs[i+1])
		}
	}
}

// TestBareWords: Bare words are names at either end.
func TestBareWords(t *testing.T) {
	matches(t,
		"", all,
		"nginx", "in app sock noroles",
		"NGINX", "in app sock noroles",
		"from:nginx", "app",
		"app.py", "app db refused sock twins",
		"checkout", "app db refused sock twins",
		"203.0.113.9", "in",
		"203.0.113.0/24", "in",
		"2001:db8::7", "refused",
		"2001:db8::/32", "refused",
		"x.sock", "sock",
		"10.96.0.7:80", "app",
		"www-data", "", // whose process it is, is no name of it
		"worker", "", // neither is what stands in its command line
		"ngi*", "in app sock noroles",
		"/^ng.*x$/", "in app sock noroles",
		"postgres,redis", "db twins noroles",
	)
}

// TestPrecedence: AND binds tighter than OR, NOT tighter than both.
func TestPrecedence(t *testing.T) {
	matches(t,
		"nginx to:shop-app or pg", "app",
		"postgres or nginx to:port:8080", "app db noroles",
		"(postgres or nginx) to:port:8080", "app",
		"!nginx", "db refused twins",
		"not nginx", "db refused twins",
		"-nginx", "db refused twins",
		"!(nginx or pg) proto:udp", "twins",
		"not nginx or pid:812", all,
		"nginx|proto:udp", "in app sock twins noroles",
		"nginx and not proto:unix", "in app noroles",
	)
}

// TestText: Text: a part in any case, = exactly, ~ and slashes a pattern.
func TestText(t *testing.T) {
	matches(t,
		"proc:PYTH", "app db refused sock twins",
		"proc=python3", "app db refused sock twins",
		"proc=python", "",
		"proc=PYTHON3", "",
		"proc=app.py", "app db refused sock twins",
		"proc:/usr/sbin/nginx", "in app sock noroles", // a path, since nothing ends the slash
		"proc:usr", "", // of the path only if asked by a slash
		"proc~^(nginx|postgres)$", "in app db sock noroles",
		"(proc~^nginx$|^postgres$ from:nginx)", "app",
		`cmd:"--queue default"`, "app db refused sock twins",
		`cmd~"--Queue\s"`, "app db refused sock twins",
		"user:www", "in app sock noroles",
		"unit:postgresql@15-main.service", "db noroles",
		"container:shop-app", "app db refused sock twins",
		"container:3f2a", "app db refused sock twins",
		"image:shop", "app db refused sock twins",
		"image=registry.example/shop:1.2", "app db refused sock twins",
		"svc:shop-api", "app db refused sock twins",
		"svc!=shop-api", "",
		"pod:checkout-*", "app db refused sock twins",
		"pod=checkout-*", "app db refused sock twins",
		"pod=Checkout-*", "",
		"ns:shop", "app db refused sock twins",
		"to:ns:tenant-a", "twins", // a candidate counts as the end
		"workload:checkout svc:checkout node:node-a", "app db refused sock twins",
		"host:web", all, // one end is here
		"from:host:web", "app db refused sock twins",
	)
}

// TestEnds: Ends.
func TestEnds(t *testing.T) {
	matches(t,
		"from:proc:nginx", "app",
		"to:proc:nginx", "in sock",
		"from:ns:shop !to:is:external", "db sock twins",
		"to:port:5432", "db",
		"from:port:5432", "",
	)
}

// TestWhatIsNotKnownSatisfiesNoComparison: What is not known satisfies no comparison, only a negation.
func TestWhatIsNotKnownSatisfiesNoComparison(t *testing.T) {
	matches(t,
		"user!=postgres", "in app sock noroles",
		"!user:postgres", "in app refused sock twins",
		"from:user!=postgres", "app",
		"app!=http", "db",
		"dns:example.com", "",
		"dns!=example.com", "",
		"!dns:example.com", all,
		"p95>10ms", "",
		"p95<10ms", "",
		"to:user:root or rps>5", "",
	)
}

// TestNumbers: Numbers.
func TestNumbers(t *testing.T) {
	matches(t,
		"pid:812 or pid:913", all,
		"pid:812,640", "in app db sock noroles",
		"pid>7000", "twins",
		"port:443", "in",
		"port=443", "in",
		"port:44", "",
		"port:80", "app", // dialed
		"port:8080", "app",
		"port:9000", "noroles",
		"to:port:9000", "",
		"port!=443", "app db refused twins noroles", // a unix socket has no port
		"port!=443,53", "app db refused noroles",
		"port:5000..6000", "db",
		"port:5000..", "app db refused noroles",
		"port>=5432", "app db refused noroles",
		"port<443", "app twins",
	)
}

// TestAddresses: Addresses.
func TestAddresses(t *testing.T) {
	matches(t,
		"ip:10.0.0.0/8", "app db twins", // dialed, listened on, and an address
		"cidr:10.0.0.0/8", "app db twins",
		"to:ip:10.0.0.5", "db",
		"from:ip:203.0.113.9", "in",
		"ip:10.*", "app db twins",
		"ip!=203.0.113.9", "app db refused twins",
		"ip:10.0.0.5,203.0.113.0/24", "in db",
	)
}

// TestWords: Words.
func TestWords(t *testing.T) {
	matches(t,
		"proto:TCP", "in app db refused noroles",
		"proto:udp,unix", "sock twins",
		"proto!=tcp", "sock twins",
		"app:HTTP", "in",
		"tls:yes", "in",
		"tls:no", "db",
		"tls!=yes", "db",
		"state:pending", "",
		"state:failed", "refused",
		"state:open", "in app db twins noroles",
		"dir:in", "in",
		"dir:out", "refused",
		"dir:local", "app db sock twins",
		"path:app", "sock",
		"path:/run/App/x.sock", "sock",
		"path=/run/App/*", "sock",
		"has:l7", "in db",
	)
}

// TestMetrics: Metrics.
func TestMetrics(t *testing.T) {
	matches(t,
		"bytes>1MB", "in app", // of app the other direction is not known: it is at least 5 MB
		"bytes<10MB", "noroles",
		"bytes:30", "noroles",
		"bytes>1MB/s", "in",
		"bytes<1KiB/s", "noroles",
		"tx>=5MB", "app",
		"tx:1MB", "in",
		"rx>5MB/s", "",
		"rx>=5MB/s", "in",
		"conns>=4", "in app",
		"cps>1", "in",
		"cps:0..1/s", "app db refused sock twins noroles",
		"fail>5", "refused",
		"fail>50%", "refused",
		"fail:0%", "in app",
		"retx>0", "in",
		"retx!=0", "in",
		"rtt>10ms", "in",
		"rtt<1ms", "app",
		"rtt:0..1ms", "app",
		"rtt:10ms..", "in",
	)
}

// TestFlags: Flags.
func TestFlags(t *testing.T) {
	matches(t,
		"is:external", "in refused",
		"to:is:external", "refused",
		"is:new", "in refused",
		"is:problem", "refused",
		"is:encrypted", "in",
		"is:loopback", "db",
		"is:listening", "in app db sock noroles",
		"to:is:listening", "in db sock",
		"is:unknown", "in refused twins noroles",
		"from:is:unknown", "in",
		"is:problem,encrypted", "in refused",
	)
}

func TestRatesNeedAWindow(t *testing.T) {
	m := shop()
	m.Window.End = m.Window.Start
	for _, expr := range []string{"bytes>0/s", "bytes<1GB/s", "cps>=0"} {
		if got := matched(t, m, expr); got != "" {
			t.Errorf("%s matches %s although no time passed", expr, got)
		}
	}
}

func TestSelectKeepsWhatItsEdgesName(t *testing.T) {
	m := parsed(t, "proto:udp").Select(shop())
	var ids []string
	for _, n := range m.Nodes {
		ids = append(ids, n.ID)
	}
	if d := cmp.Diff([]string{"app", "twin1", "twin2", "address:10.9.9.9"}, ids); d != "" || len(m.Edges) != 1 {
		t.Errorf("%d edges; nodes (-want +got):\n%s", len(m.Edges), d)
	}
}

func TestBlameNamesThePartThatHidesMost(t *testing.T) {
	m := shop()
	for _, c := range []struct {
		expr, part string
		left       int
	}{
		{"port:9999", "port:9999", 7},
		{"nginx to:port:9999", "to:port:9999", 4},
		{"nginx (port:9999 or port:9998) proto:tcp", "port:9999 or port:9998", 3},
		{"pid:1 port:1", "", 0},
	} {
		if part, left := parsed(t, c.expr).Blame(m); part != c.part || left != c.left {
			t.Errorf("%s: without %q there are %d, want %q and %d", c.expr, part, left, c.part, c.left)
		}
	}
}

func TestAbsentNamesWhatNoMapHas(t *testing.T) {
	got := parsed(t, "nginx (p95>1ms or !dns:x p95>2ms) from:port:80 port:80").Absent()
	if d := cmp.Diff([]string{"dns", "from:port", "p95"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		begun string
		want  []string
	}{
		{"pro", []string{"proc:", "proto:"}},
		{"!pro", []string{"!proc:", "!proto:"}},
		{"to:p", []string{"to:pid:", "to:pod:", "to:port:", "to:proc:"}},
		{"is:e", []string{"is:encrypted", "is:external"}},
		{"to:is:e", []string{"to:is:external"}},
		{"t", []string{"tls:", "to:", "tx:"}},
		{"zone", nil},
		{"nginx", nil},
	} {
		if d := cmp.Diff(c.want, filter.Complete(c.begun)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.begun, d)
		}
	}
}

// TestMatchChangesNothing: scenes and expressions are shared by goroutines.
func TestMatchChangesNothing(t *testing.T) {
	m, before := shop(), shop()
	for _, expr := range []string{"redis", "to:proc:redis", "!is:unknown", "ip:10.0.0.0/8 or bytes>1"} {
		e := parsed(t, expr)
		printed := e.String()
		e.Select(m)
		if e.String() != printed {
			t.Errorf("%s became %s", printed, e)
		}
	}
	if d := cmp.Diff(before.Edges, m.Edges, cmp.AllowUnexported(topology.Edge{})); d != "" {
		t.Errorf("(-before +after):\n%s", d)
	}
}
