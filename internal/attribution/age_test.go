package attribution_test

import (
	"strings"
	"testing"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

const day = 24 * 3600 * second

// An engine that has run for months decides as on its first day: the server is who
// listens, and a socket belongs to who holds it now.
func TestMonthsLaterDecisionsAreTheSame(t *testing.T) {
	e, l := attribution.New(attribution.Config{}), topology.NewLedger()
	var w world
	ns := w.netns(1, "10.0.0.1")
	server, first, next := w.process(1, "server"), w.process(2, "former"), w.process(3, "next")
	listener := w.listener(ns, "10.0.0.1:80", server)
	listener.After = start - second
	idle := w.socket(ns, "10.0.0.1:4000 > 10.9.9.9:80", held(first), asClient(1, 1))
	var got []string
	close := func(w *world) {
		for _, o := range w.obs {
			e.Apply(o)
		}
		e.Close(l.Add)
		got = edgesOf(factsOf(e, l))
		l.Reset()
	}
	close(&w)
	for d := range flow.Time(60) {
		var later world
		later.cookie = flow.SocketCookie(100 + 10*d)
		at := at((d + 1) * day)
		later.socket(ns, "10.0.0.1:4001 > 10.0.0.1:80", at, held(first), state(flow.Close), func(s *flow.Socket) { s.Final = true })
		if d == 29 {
			later.socket(ns, "10.0.0.1:4000 > 10.9.9.9:80", cookie(idle.Cookie), at, held(next), asClient(2, 2))
		}
		close(&later)
		if !strings.Contains(strings.Join(got, "\n"), "former > server tcp 80") {
			t.Fatalf("after %d days: %q", d, got)
		}
	}
	if !strings.Contains(strings.Join(got, "\n"), "next > 10.9.9.9 tcp 80") {
		t.Errorf("the socket is not its new holder's: %q", got)
	}
}
