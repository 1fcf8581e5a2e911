package attribution_test

import (
	"testing"

	"peerscope/internal/flow"
)

func transparent(s *flow.Socket) { s.Transparent = true }

// throughRouter is a client, a router between and a server that owns 10.0.2.2.
func throughRouter(w *world) (client, router, server flow.NetnsID) {
	return w.netns(1, "10.0.1.2"), w.netns(2, "10.0.1.1", "10.0.2.1"), w.netns(3, "10.0.2.2")
}

// TestTransparentProxyIsTheOtherEnd: what a proxy took has the address that the
// client dialled, which lives elsewhere.
func TestTransparentProxyIsTheOtherEnd(t *testing.T) {
	var w world
	c, r, s := throughRouter(&w)
	app, proxy, web := w.process(10, "app"), w.process(20, "proxy"), w.process(30, "web")
	w.socket(c, "10.0.1.2:4000 > 10.0.2.2:80", held(app), asClient(1, 2))
	w.socket(r, "10.0.2.2:80 > 10.0.1.2:4000", held(proxy), transparent, asServer(2, 1))
	w.connection(r, proxy, s, web, "10.0.2.1:5000 > 10.0.2.2:80")
	w.expect(t,
		"app > proxy tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 1/2",
		"proxy > web tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 10/20")
}

// TestTransparentProxyOfWhatIsNotRead: the address dialled lives in a namespace
// that is not read. The proxy's socket is there, so the client reached it.
func TestTransparentProxyOfWhatIsNotRead(t *testing.T) {
	var w world
	c, r := w.netns(1, "10.0.1.2"), w.netns(2, "10.0.1.1")
	w.tell(&flow.Namespace{Time: start, ID: 3, Inode: 4026530003, Local: prefixes([]string{"10.0.2.2"})})
	app, proxy := w.process(10, "app"), w.process(20, "proxy")
	w.socket(c, "10.0.1.2:4000 > 10.0.2.2:80", held(app), asClient(1, 2))
	w.socket(r, "10.0.2.2:80 > 10.0.1.2:4000", held(proxy), transparent, asServer(2, 1))
	w.expect(t, "app > proxy tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 1/2")
}

// TestTransparentProxyWithTheClientsOwnAddressAndPort: the same addresses twice,
// before and behind the proxy, fit equally well.
func TestTransparentProxyWithTheClientsOwnAddressAndPort(t *testing.T) {
	var w world
	c, r, s := throughRouter(&w)
	app, proxy, web := w.process(10, "app"), w.process(20, "proxy"), w.process(30, "web")
	w.socket(c, "10.0.1.2:4000 > 10.0.2.2:80", held(app), asClient(1, 2))
	w.socket(r, "10.0.2.2:80 > 10.0.1.2:4000", held(proxy), transparent, asServer(2, 1))
	w.socket(r, "10.0.1.2:4000 > 10.0.2.2:80", held(proxy), transparent, asClient(1, 2))
	w.socket(s, "10.0.2.2:80 > 10.0.1.2:4000", held(web), asServer(2, 1))
	for _, e := range mapOf(w.obs).Edges {
		if e.Client == "process:10@100" && e.Server == "process:30@300" {
			t.Errorf("the client is given the server behind the proxy: %+v", e)
		}
	}
}

// TestTransparentSocketWithItsOwnAddress is an ordinary one: its address in
// another namespace is somebody else's.
func TestTransparentSocketWithItsOwnAddress(t *testing.T) {
	var w world
	one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	three := w.netns(3, "10.0.0.2") // the address exists twice
	a, b := w.process(10, "a"), w.process(20, "b")
	w.socket(one, "10.0.0.1:4000 > 10.0.0.2:80", held(a), asClient(1, 2))
	w.socket(two, "10.0.0.2:80 > 10.0.0.1:4000", held(b), transparent, asServer(2, 1))
	_ = three
	w.expect(t, "a > b tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 1/2")
}

// TestShortConnectionToNobodysAddress: no look met it, so nothing says that the
// proxy's socket is transparent; but somebody's it was.
func TestShortConnectionToNobodysAddress(t *testing.T) {
	var w world
	c, r := w.netns(1, "10.0.1.2"), w.netns(2, "10.0.1.1")
	w.socket(c, "10.0.1.2:4000 > 10.0.9.9:80", died, asClient(1, 2))
	w.socket(r, "10.0.9.9:80 > 10.0.1.2:4000", died, asServer(2, 1))
	w.expect(t, "10.0.1.2 > 10.0.9.9 tcp 80 | tuple 1 | syn-byte 1 | opened 1 closed 1 | 1/2")
}
