package server

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/view"
)

func TestTagAndCompression(t *testing.T) {
	s := tester(t, nil)
	ticking(t, s, 10)
	plain := get(t, s, "/api/v1/graph")
	body, tag := text(t, plain), plain.Header.Get("ETag")
	if plain.Header.Get("Content-Encoding") != "" || plain.Header.Get("Vary") != "Accept-Encoding" || plain.Header.Get("Cache-Control") != "no-cache" || tag == "" {
		t.Errorf("headers %v", plain.Header)
	}
	for _, accept := range []string{"gzip", "br, gzip;q=0.5", "*", "GZIP"} {
		packed := get(t, s, "/api/v1/graph", "Accept-Encoding", accept)
		z, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatalf("%s: %v", accept, err)
		}
		if b, err := io.ReadAll(z); err != nil || string(b) != body || packed.Header.Get("ETag") != tag {
			t.Errorf("%s: %d bytes, %v, tag %s", accept, len(b), err, packed.Header.Get("ETag"))
		}
	}
	for _, accept := range []string{"", "br", "gzip;q=0", "identity", "*;q=0"} {
		if got := get(t, s, "/api/v1/graph", "Accept-Encoding", accept).Header.Get("Content-Encoding"); got != "" {
			t.Errorf("%s is answered with %s", accept, got)
		}
	}
	if got := get(t, s, "/api/graph/fields", "Accept-Encoding", "gzip"); got.ContentLength > worthwhile || got.Header.Get("Content-Encoding") == "gzip" && got.ContentLength < 100 {
		t.Errorf("%d bytes", got.ContentLength)
	}
	for _, has := range []string{tag, "*", `"x", ` + tag, strings.TrimPrefix(tag, "W/")} {
		got := get(t, s, "/api/v1/graph", "If-None-Match", has)
		if got.StatusCode != http.StatusNotModified || text(t, got) != "" {
			t.Errorf("who has %s gets %d", has, got.StatusCode)
		}
	}
	if got := get(t, s, "/api/v1/graph?level=process", "If-None-Match", tag).StatusCode; got != 200 {
		t.Errorf("who has another graph gets %d", got)
	}
	r := httptest.NewRequest(http.MethodHead, "/api/v1/graph", nil)
	r.Host = "localhost"
	w := httptest.NewRecorder()
	s.guard(s.mux()).ServeHTTP(w, r)
	if w.Code != 200 || w.Header().Get("ETag") != tag {
		t.Errorf("HEAD: %d, %v", w.Code, w.Header())
	}
}

func TestWebFiles(t *testing.T) {
	s := tester(t, func(c *Config) {
		c.Web = fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}, "app.js": {Data: []byte(strings.Repeat("x();", 1000))}, "sub/a.css": {Data: []byte("a{}")}}
	})
	for target, want := range map[string]string{"/": "200 text/html; charset=utf-8", "/index.html": "200 text/html; charset=utf-8", "/?level=pod&any=thing": "200 text/html; charset=utf-8",
		"/app.js": "200 text/javascript; charset=utf-8", "/sub/a.css": "200 text/css; charset=utf-8", "/sub/": "404 application/problem+json", "/sub": "404 application/problem+json",
		"/../index.html": "307 text/html; charset=utf-8", "/.": "307 text/html; charset=utf-8", "/app.js/x": "404 application/problem+json"} {
		r := get(t, s, target)
		if got := fmt.Sprint(r.StatusCode, " ", r.Header.Get("Content-Type")); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	js := get(t, s, "/app.js", "Accept-Encoding", "gzip")
	if js.Header.Get("Content-Encoding") != "gzip" || js.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("headers of a script: %v", js.Header)
	}
	if got := get(t, s, "/app.js", "If-None-Match", js.Header.Get("ETag")).StatusCode; got != http.StatusNotModified {
		t.Errorf("who has the script gets %d", got)
	}
	if _, err := readFiles(fstest.MapFS{"a.js": {}}); err == nil {
		t.Error("a web interface without index.html is taken")
	}
	if got := get(t, tester(t, nil), "/"); got.StatusCode != 200 || !strings.Contains(text(t, got), "/openapi.yaml") {
		t.Errorf("without a web interface: %d", got.StatusCode)
	}
}

// TestPages: all pages together are all rows, each once, in the order that was
// asked for, of one window although time goes on.
func TestPages(t *testing.T) {
	s := tester(t, nil)
	ticking(t, s, 10)
	for _, by := range sorts() {
		all := into[edgeList](t, get(t, s, "/api/v1/edges?noise=true&level=process&sort="+by), 200)
		if len(all.Edges) != 6 || all.Next != "" {
			t.Fatalf("%s: %d edges, next %q", by, len(all.Edges), all.Next)
		}
		var got []view.Edge
		next := ""
		for page := range 10 {
			target := "/api/v1/edges?noise=true&level=process&limit=2&sort=" + by
			if next != "" {
				target += "&cursor=" + url.QueryEscape(next)
			}
			p := into[edgeList](t, get(t, s, target), 200)
			if p.Window != all.Window {
				t.Errorf("%s: page %d is of %v, want %v", by, page, p.Window, all.Window)
			}
			for i := range p.Edges {
				a, b := endsOf(&p.Edges[i])
				for _, id := range []string{a, b} {
					if !strings.Contains(fmt.Sprintf("%+v", p.Nodes), id) {
						t.Errorf("%s: page %d lacks node %s", by, page, id)
					}
				}
			}
			got = append(got, p.Edges...)
			if next = p.Next; next == "" {
				break
			}
			if page == 0 && by == "-bytes" { // time goes on
				s.Publish(shop(noon, noon.Add(1e9), 5_000_000))
			}
		}
		if diff := cmp.Diff(all.Edges, got); diff != "" {
			t.Errorf("%s (-all +pages):\n%s", by, diff)
		}
		if by == "-bytes" {
			s = tester(t, nil)
			ticking(t, s, 10)
		}
	}
	first := into[edgeList](t, get(t, s, "/api/v1/edges?limit=1"), 200)
	if p := into[problem](t, get(t, s, "/api/v1/edges?limit=1&sort=id&cursor="+first.Next), 400); !strings.Contains(p.Detail, "of other parameters") {
		t.Errorf("a cursor of another order: %s", p.Detail)
	}
}

func TestUnknownComesLast(t *testing.T) {
	s := tester(t, nil)
	ticking(t, s, 3)
	for _, by := range []string{"rtt", "-rtt", "bytes", "-bytes", "port", "-port"} {
		edges := into[edgeList](t, get(t, s, "/api/v1/edges?level=process&noise=true&sort="+by), 200).Edges
		known := true
		for _, e := range edges {
			var has bool
			switch strings.TrimPrefix(by, "-") {
			case "rtt":
				has = e.RTT != nil
			case "bytes":
				has = bytesOf(&e) != nil
			case "port":
				has = e.ServerPort != 0
			}
			if has && !known {
				t.Errorf("%s: %s is known and comes after what is not", by, e.ID)
			}
			known = has
		}
		if known {
			t.Errorf("%s: all are known, so this tests nothing", by)
		}
	}
}

func TestPath(t *testing.T) {
	s := tester(t, nil)
	ticking(t, s, 3)
	f := func(query, want string) {
		t.Helper()
		p := into[paths](t, get(t, s, "/api/v1/path?"+query), 200)
		var ways []string
		for _, w := range p.Paths {
			if len(w.Edges) != len(w.Nodes)-1 {
				t.Errorf("%s: %d edges between %d nodes", query, len(w.Edges), len(w.Nodes))
			}
			ways = append(ways, strings.Join(w.Nodes, " "))
		}
		if got := strings.Join(ways, ", "); got != want || len(p.Nodes) == 0 != (want == "") {
			t.Errorf("%s\n got %s\nwant %s", query, got, want)
		}
	}
	const a, b, c = "program:/usr/bin/nginx in unit nginx.service", "program:/usr/bin/app.py in unit app.service", "program:/usr/bin/redis-server in unit redis.service"
	f("from=nginx&to=redis-server", strings.Join([]string{a, b, c}, " "))
	f("from=203.0.113.7&to=redis-server", strings.Join([]string{"address:203.0.113.7", a, b, c}, " "))
	f("from=203.0.113.7&to=redis-server&hops=2", strings.Join([]string{"address:203.0.113.7", c}, " ")) // who calls is not known
	f("from=nginx&to=redis-server&hops=1", "")
	f("from=redis-server&to=app.py", b+" "+c) // nobody calls this way
	f("from=10.0.0.9&to=redis-server&hops=3", "")
	f("from=nginx&to=nginx", "")
	if p := into[problem](t, get(t, s, "/api/v1/path?from=nginx&to=redis-server&level=process"), 400); !strings.Contains(p.Detail, `2 nodes are called "nginx": give an id, as process:10@77, process:11@77`) {
		t.Errorf("two of one name: %s", p.Detail)
	}
	if p := into[problem](t, get(t, s, "/api/v1/path?from=nginx&to=apache"), 404); p.Parameter != "to" {
		t.Errorf("%+v", p)
	}
}

func TestSuggest(t *testing.T) {
	s := tester(t, nil)
	ticking(t, s, 3)
	f := func(q, want string) suggestions {
		t.Helper()
		got := into[suggestions](t, get(t, s, "/api/v1/suggest?limit=4&q="+url.QueryEscape(q)), 200)
		var texts []string
		for _, x := range got.Suggestions {
			one := x.Text
			if x.Edges > 0 {
				one += fmt.Sprintf("(%d)", x.Edges)
			}
			texts = append(texts, one)
		}
		if strings.Join(texts, " ") != want {
			t.Errorf("%q becomes %q, want %q", q, strings.Join(texts, " "), want)
		}
		return got
	}
	f("proc:", "proc:app.py(4) proc:nginx(3) proc:redis-server(2)")
	f("from:proc:ng", "from:proc:nginx(3)")
	f("!unit:app", "!unit:app.service(4)")
	f("port:9", "port:9000(2)")
	f("proto:", "proto:tcp(4) proto:udp(1) proto:unix(1)")
	f("port:80,9", "port:80,9000(2)")
	f("redi", "redis-server(2)")
	f("pro", "proc: proto:")
	f("is:pr", "is:problem")
	f("state:fa", "state:failed(1)")
	f("nginx (to:po", "to:pod: to:port:")
	f("path:redis", "path:/run/redis.sock(1)")
	if got := f("nothing:at:all", ""); got.Problem == nil || got.Problem.Code != codeBadFilter || *got.Problem.Position != 0 {
		t.Errorf("what is wrong: %+v", got.Problem)
	}
	if got := f("nginx or to:port:80 ", "app: bytes: cidr: cmd:"); got.Start != 20 || got.End != 20 {
		t.Errorf("behind a blank: %d to %d", got.Start, got.End)
	}
	got := into[suggestions](t, get(t, s, "/api/v1/suggest?q="+url.QueryEscape("ngi port:80")+"&position=3"), 200)
	if got.Start != 0 || got.End != 3 || len(got.Suggestions) != 1 || got.Suggestions[0].Text != "nginx" {
		t.Errorf("in the first of two words: %+v", got)
	}
}

// TestExport: what is not the server's own goes through Render, at the level and
// filter that were asked for.
func TestExport(t *testing.T) {
	s := tester(t, nil)
	ticking(t, s, 3)
	for target, want := range map[string]string{"csv": "csv of 6 edges\n", "csv?level=program": "csv of 5 edges\n", "dot?filter=redis": "dot of 2 edges\n"} {
		r := get(t, s, "/api/v1/export/"+target)
		if got := text(t, r); got != want || !strings.HasPrefix(r.Header.Get("Content-Disposition"), `attachment; filename="peerscope-20260102T120000Z.`) {
			t.Errorf("%s: %q, %v", target, got, r.Header)
		}
	}
	ml := text(t, get(t, s, "/api/v1/export/graphml?level=program"))
	for _, part := range []string{`<graphml xmlns="http://graphml.graphdrawing.org/xmlns">`, `<node id="program:/usr/bin/nginx in unit nginx.service">`, `directed="false"`, `<data key="e_server_port">9000</data>`} {
		if !strings.Contains(ml, part) {
			t.Errorf("GraphML lacks %s:\n%.1500s", part, ml)
		}
	}
}

func TestTimelineAndDiff(t *testing.T) {
	s := tester(t, func(c *Config) { c.History = remembering(noon.Add(-10*60e9), noon.Add(-10e9)) })
	ticking(t, s, 30)
	s.after()
	tl := into[timeline](t, get(t, s, "/api/v1/timeline?from=-5m&limit=5"), 200)
	if len(tl.Events) != 5 || tl.LeftOut == 0 || tl.Bounds == nil || tl.Bounds.Newest != noon.UnixMilli() {
		t.Errorf("%d events, %d left out, %+v", len(tl.Events), tl.LeftOut, tl.Bounds)
	}
	type difference struct{ Added, Removed, Changed []any }
	if d := into[difference](t, get(t, s, "/api/v1/diff?a=-5m&b=now"), 200); len(d.Added)+len(d.Removed)+len(d.Changed) != 0 {
		t.Errorf("difference of the same: %v", d)
	}
	m := shop(noon, noon.Add(1e9), 1)
	without(m, "address:203.0.113.7")
	s.Publish(m)
	if d := into[difference](t, get(t, s, "/api/v1/diff?a=-1m..now&b=now&window=1"), 200); len(d.Removed) != 0 {
		t.Errorf("before the last tick: %v", d)
	}
}
