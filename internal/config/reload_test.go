package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestReloadKeepsWhatTakesARestart, names it, and takes over the rest.
func TestReloadKeepsWhatTakesARestart(t *testing.T) {
	running, next := New(), New()
	for l, text := range map[*Loaded]string{
		running: "window: 60s\nfilter: a\nnamespaces: [x]\nhosts: []\nexporters: {otlp: {endpoint: 'http://a:1', headers: {k: v}}}\n",
		next:    "\nfilter: b\nwindow: 1s\nlisten: 127.0.0.1:1\nexporters: {otlp: {headers: {k: w}}, series: {pid: true}}\n",
	} {
		if err := l.Parse("c.yaml", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	got := running.Reload(next)
	want := running.clone()
	want.Filter = "b"
	want.Exporters.OTLP.Endpoint, want.Exporters.OTLP.Headers = "", map[string]string{"k": "w"}
	if diff := cmp.Diff(want, got.Config); diff != "" {
		t.Errorf("what holds (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"listen", "namespaces", "window", "exporters.series.pid"}, got.Restart); diff != "" {
		t.Errorf("what takes a restart (-want +got):\n%s", diff)
	}
	origins := map[string]string{"window": "c.yaml:1", "namespaces": "c.yaml:3", "hosts": "c.yaml:4", "filter": "c.yaml:2", "exporters.otlp.headers": "c.yaml:5"}
	if diff := cmp.Diff(origins, got.Origins); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
	if again := got.Reload(running); len(again.Restart) > 0 || time.Duration(again.Window) != time.Minute {
		t.Errorf("with the first file again: window %v, %v take a restart", again.Window, again.Restart)
	}
}

// TestDocsSayWhatIsReadAgain: what holds without a restart says so where it is
// explained, and nothing else does.
func TestDocsSayWhatIsReadAgain(t *testing.T) {
	c := Default()
	n, inside := 0, ""
	for _, f := range fields(&c) {
		says := strings.Contains(f.doc, "Read again on SIGHUP")
		if says {
			inside = f.path
		}
		of := says || inside != "" && strings.HasPrefix(f.path, inside+".")
		if f.live != of {
			t.Errorf("%s: read again is %v, its documentation says %v", f.path, f.live, of)
		}
		if f.live {
			n++
		}
	}
	if n == 0 {
		t.Error("nothing is read again")
	}
}
