package attribution_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
)

// counted is a world of three connections of one namespace and one of another, of
// which a census of the first meets one.
func counted() *world {
	var w world
	ns, other := w.netns(1), w.netns(2, "10.0.0.2")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.listener(ns, "127.0.0.1:80", b)
	w.listener(ns, "127.0.0.1:81", b)
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", cookie(1), held(a), asClient(3, 5))
	w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", cookie(2), held(b), asServer(5, 3))
	w.socket(ns, "127.0.0.1:4001 > 127.0.0.1:81", cookie(3), held(a), asClient(1, 1))
	w.socket(ns, "127.0.0.1:81 > 127.0.0.1:4001", cookie(4), held(b), asServer(1, 1))
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:53", udp, cookie(5), held(a))
	w.socket(other, "10.0.0.2:4000 > 203.0.113.9:80", cookie(6), held(a), asClient(1, 1))
	return &w
}

// meets is what a census and the one connection that it meets say.
func meets() []flow.Observation {
	var w world
	w.tell(&flow.Census{Time: start + 3*second, Netns: 1})
	w.socket(1, "127.0.0.1:4001 > 127.0.0.1:81", cookie(3), at(4*second), asClient(2, 1))
	w.socket(1, "127.0.0.1:81 > 127.0.0.1:4001", cookie(4), at(4*second), asServer(1, 2))
	return w.obs
}

func TestCensusEndsWhatItDoesNotMeet(t *testing.T) {
	w := counted()
	w.tell(meets()...)
	w.expect(t,
		"127.0.0.1@1 - a udp 53-4000 | none 1 | none 1 | active 1 opened 1",
		"a > 203.0.113.9 tcp 80 | none 1 | syn-byte 1 | active 1 opened 1 | 1/1",
		"a > b tcp 80 | tuple 1 | syn-byte 1 | opened 1 closed 1 | 3/5 inexact bytes.to_client,bytes.to_server",
		"a > b tcp 81 | tuple 1 | syn-byte 1 | active 1 opened 1 | 2/1")
}

// TestCensusOfALaterWindow: what ended in it is closed in it, whatever of it is told
// first, and nothing is left of it in the next.
func TestCensusOfALaterWindow(t *testing.T) {
	backwards := meets()
	slices.Reverse(backwards)
	for name, second := range map[string][]flow.Observation{"census first": meets(), "census last": backwards} {
		t.Run(name, func(t *testing.T) {
			maps, _ := windowsOf([][]flow.Observation{counted().obs, second, nil}, func(*attribution.Engine) {})
			var got []string
			for _, m := range maps {
				got = append(got, "--")
				got = append(got, edgesOf(m)...)
			}
			want := []string{
				"--",
				"127.0.0.1@1 - a udp 53-4000 | none 1 | none 1 | active 1 opened 1",
				"a > 203.0.113.9 tcp 80 | none 1 | syn-byte 1 | active 1 opened 1 | 1/1",
				"a > b tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 3/5",
				"a > b tcp 81 | tuple 1 | syn-byte 1 | active 1 opened 1 | 1/1",
				"--",
				"127.0.0.1@1 - a udp 53-4000 | none 1 | none 1 | active 1",
				"a > 203.0.113.9 tcp 80 | none 1 | syn-byte 1 | active 1 | 0/0",
				"a > b tcp 80 | tuple 1 | syn-byte 1 | closed 1 | 0/0 inexact bytes.to_client,bytes.to_server",
				"a > b tcp 81 | tuple 1 | syn-byte 1 | active 1 | 1/0",
				"--",
				"127.0.0.1@1 - a udp 53-4000 | none 1 | none 1 | active 1",
				"a > 203.0.113.9 tcp 80 | none 1 | syn-byte 1 | active 1 | 0/0",
				"a > b tcp 81 | tuple 1 | syn-byte 1 | active 1 | 0/0",
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
