package attribution_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
)

// Unix sockets as a source tells them that sees every message: the cookie stands
// for the inode, and much is told only when it is over.

type unixOpt = func(*flow.UnixSocket)

func unixBytes(sent, received uint64) unixOpt {
	return func(s *flow.UnixSocket) {
		s.HasCounters, s.Counters = true, flow.UnixCounters{BytesSent: sent, BytesReceived: received}
	}
}

func unixGone(s *flow.UnixSocket)      { s.Final = true }
func unixAdopted(s *flow.UnixSocket)   { s.Adopted = true }
func unixUnheld(s *flow.UnixSocket)    { s.Holders = nil }
func unixListen(s *flow.UnixSocket)    { s.State, s.Limit = flow.Listen, 128 }
func unixSeqpacket(s *flow.UnixSocket) { s.Type = flow.UnixSeqpacket }
func unixDgram(s *flow.UnixSocket)     { s.Type = flow.UnixDgram }
func unixPeer(n uint32) unixOpt        { return func(s *flow.UnixSocket) { s.Generation = n } }
func unixNetns(n flow.NetnsID) unixOpt { return func(s *flow.UnixSocket) { s.Netns = n } }

// expectShuffled is expect, and any order of the observations with some twice.
func (w *world) expectShuffled(t *testing.T, want ...string) {
	t.Helper()
	w.expect(t, want...)
	r := rand.New(rand.NewPCG(uint64(len(w.obs)), 5))
	for range 30 {
		obs := slices.Clone(w.obs)
		for range r.IntN(6) {
			obs = append(obs, obs[r.IntN(len(obs))])
		}
		r.Shuffle(len(obs), func(i, j int) { obs[i], obs[j] = obs[j], obs[i] })
		if d := cmp.Diff(want, edgesOf(mapOf(obs))); d != "" {
			t.Fatalf("shuffled (-want +got):\n%s", d)
		}
	}
}

func TestUnixStreamThatIsToldWhenItIsOver(t *testing.T) {
	for name, kind := range map[string]unixOpt{"stream": func(*flow.UnixSocket) {}, "seqpacket": unixSeqpacket} {
		for _, listener := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, listener %v", name, listener), func(t *testing.T) {
				var w world
				w.netns(1)
				a, b := w.process(10, "a"), w.process(20, "b")
				if listener {
					w.tell(unixSocket(900, 0, "/s", b, kind, unixListen))
				}
				w.tell(unixSocket(101, 102, "", a, kind, unixBytes(5, 70), unixGone),
					unixSocket(102, 101, "/s", b, kind, unixBytes(70, 5), unixGone))
				w.expectShuffled(t, "a > b unix /s | kernel 1 | kernel 1 | opened 1 closed 1 | 5/70")
				s := mapOf(w.obs).Edges[0].Sides
				if *s.Client.ToServer != 5 || *s.Client.ToClient != 70 || *s.Server.ToServer != 5 || *s.Server.ToClient != 70 {
					t.Errorf("sides %+v %+v", s.Client, s.Server)
				}
			})
		}
	}
}

func TestUnixClientWithANameOfItsOwn(t *testing.T) {
	var w world
	w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.tell(unixSocket(900, 0, "/s", b, unixListen),
		unixSocket(101, 102, "/mine", a, unixBytes(5, 70), unixGone), unixSocket(102, 101, "/s", b, unixBytes(70, 5), unixGone))
	w.expectShuffled(t, "a > b unix /s | kernel 1 | kernel 1 | opened 1 closed 1 | 5/70")
}

func TestUnixThatNobodyAccepted(t *testing.T) {
	for name, over := range map[string]bool{"waits": false, "is over": true} {
		t.Run(name, func(t *testing.T) {
			var w world
			w.netns(1)
			a, b := w.process(10, "a"), w.process(20, "b")
			end, counts := func(*flow.UnixSocket) {}, "active 1 opened 1"
			if over {
				end, counts = unixGone, "opened 1 closed 1"
			}
			w.tell(unixSocket(900, 0, "/s", b, unixListen),
				unixSocket(101, 102, "", a, unixBytes(5, 0), end), unixSocket(102, 101, "/s", b, unixUnheld, end))
			w.expectShuffled(t, "a > b unix /s | kernel 1 | kernel 1 | "+counts+" | 5/0")
		})
	}
}

func TestUnixThatNobodyAcceptedUnderANameOfTwo(t *testing.T) {
	var w world
	w.netns(1)
	w.netns(2)
	a, b, c := w.process(10, "a"), w.process(20, "b"), w.process(30, "c")
	// A file's name may be one in each of two mount namespaces; an abstract name
	// belongs to its network namespace.
	for _, path := range []string{"/s", "@s"} {
		base := uint64(1000 * len(path) * int(path[0]))
		w.tell(unixSocket(base, 0, path, b, unixListen), unixSocket(base+1, 0, path, c, unixListen, unixNetns(2)),
			unixSocket(base+2, base+3, "", a, unixBytes(5, 0)), unixSocket(base+3, base+2, path, b, unixUnheld))
	}
	w.expectShuffled(t,
		"a > b unix @s | kernel 1 | kernel 1 | active 1 opened 1 | 5/0",
		"a > unknown@1 unix /s | ambiguous 1 | kernel 1 | active 1 opened 1 | 5/0 candidates server=b,c")
}

func TestUnixPairOfWhichNobodyCalled(t *testing.T) {
	for _, named := range []bool{false, true} {
		var w world
		w.netns(1)
		a, b := w.process(10, "a"), w.process(20, "b")
		w.tell(unixSocket(101, 102, "", a, unixBytes(5, 70)), unixSocket(102, 101, "", b, unixBytes(60, 5)))
		end := ""
		if named { // one end is given a name later
			end = "/mine"
		}
		w.tell(unixSocket(102, 101, end, b, unixBytes(70, 5), unixGone))
		w.expectShuffled(t, "a - b unix | kernel 1 | none 1 | opened 1 closed 1 | 5/70")
	}
}

func TestUnixBytesCountFromTheStart(t *testing.T) {
	var w world
	w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.tell(unixSocket(101, 102, "", a, unixAdopted, unixBytes(100, 700)), unixSocket(102, 101, "/s", b, unixAdopted, unixBytes(700, 100)),
		unixSocket(101, 102, "", a, unixBytes(105, 770)), unixSocket(102, 101, "/s", b, unixBytes(770, 105)))
	w.expectShuffled(t, "a > b unix /s | kernel 1 | kernel 1 | active 1 | 5/70")
}

func TestUnixDatagramsToANamedServer(t *testing.T) {
	// 200 clients of no name; of the server each is a peer of its own.
	var w world
	w.netns(1)
	a, log := w.process(10, "a"), w.process(20, "log")
	w.tell(unixSocket(900, 0, "/dev/log", log, unixDgram))
	for i := range uint64(200) {
		w.tell(unixSocket(1000+i, 900, "", a, unixDgram, unixBytes(3, 0), unixGone),
			unixSocket(900, 1000+i, "/dev/log", log, unixDgram, unixPeer(uint32(i)), unixBytes(0, 2)))
	}
	w.expectShuffled(t, "a > log unix /dev/log | kernel 200 | kernel 200 | opened 200 closed 200 | 600/0")
	if s := mapOf(w.obs).Edges[0].Sides; *s.Server.ToServer != 400 {
		t.Errorf("the server counted %d, want 400", *s.Server.ToServer)
	}
}

func TestUnixDatagramServerToldWhenItIsOver(t *testing.T) {
	var w world
	w.netns(1)
	a, b, log := w.process(10, "a"), w.process(11, "b"), w.process(20, "log")
	w.tell(unixSocket(950, 900, "", a, unixDgram, unixBytes(3, 0)), unixSocket(951, 900, "", b, unixDgram, unixBytes(4, 9)),
		unixSocket(900, 950, "/d", log, unixDgram, unixPeer(0), unixBytes(0, 3), unixGone),
		unixSocket(900, 951, "/d", log, unixDgram, unixPeer(1), unixBytes(9, 4), unixGone))
	w.expectShuffled(t,
		"a > log unix /d | kernel 1 | kernel 1 | opened 1 closed 1 | 3/0",
		"b > log unix /d | kernel 1 | kernel 1 | opened 1 closed 1 | 4/9")
}

func TestUnixDatagramClientOfSeveralServers(t *testing.T) {
	var w world
	w.netns(1)
	a, b, c := w.process(10, "a"), w.process(20, "b"), w.process(30, "c")
	w.tell(unixSocket(950, 900, "", a, unixDgram, unixPeer(0), unixBytes(3, 0)), unixSocket(950, 800, "", a, unixDgram, unixPeer(1), unixBytes(4, 0)),
		unixSocket(900, 950, "/b", b, unixDgram, unixBytes(0, 3)), unixSocket(800, 950, "/c", c, unixDgram, unixBytes(0, 4)))
	w.expectShuffled(t,
		"a > b unix /b | kernel 1 | kernel 1 | active 1 opened 1 | 3/0",
		"a > c unix /c | kernel 1 | kernel 1 | active 1 opened 1 | 4/0")
}

func TestUnixEndsInTwoWindows(t *testing.T) {
	var w world
	w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.tell(unixSocket(101, 102, "", a, unixBytes(5, 70), unixGone))
	one := w.part()
	server := unixSocket(102, 101, "/s", b, unixBytes(70, 5), unixGone)
	w.tell(server)
	two := w.part()
	w.tell(server) // late, and no new connection
	got := windows(one, two, w.part())
	want := []string{"a > b unix /s | kernel 1 | kernel 1 | opened 1 closed 1 | 5/70"}
	if len(got[0]) != 0 || !slices.Equal(got[1], want) || len(got[2]) != 0 {
		t.Errorf("%q, want %q in the second window only", got, want)
	}
}

func TestUnixReadAfterTheClientHasGone(t *testing.T) {
	var w world
	w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.tell(unixSocket(101, 102, "", a, unixBytes(5, 0), unixGone), unixSocket(102, 101, "/s", b, unixBytes(0, 2)))
	one := w.part()
	w.tell(unixSocket(102, 101, "/s", b, unixBytes(0, 5), unixGone))
	got := windows(one, w.part())
	if want := "a > b unix /s | kernel 1 | kernel 1 | opened 1 closed 1 | 5/0"; len(got[0]) != 1 || got[0][0] != want {
		t.Errorf("first window %q, want %q", got[0], want)
	}
	// What the client sent is counted; the rest shows on the server's side only.
	for _, line := range got[1] {
		if line != "a > b unix /s |  |  | | 0/0" {
			t.Errorf("second window %q", line)
		}
	}
}

func TestUnixDatagramServerThatAnswersByName(t *testing.T) {
	since := func(at flow.Time) unixOpt { return func(s *flow.UnixSocket) { s.Opened = start + at } }
	loose := func(s *flow.UnixSocket) { s.Unconnected = true }
	for name, answered := range map[string]flow.Time{"answered": 2 * second, "asked": second / 2, "at once": second} {
		var w world
		w.netns(1)
		a, b := w.process(10, "a"), w.process(20, "b")
		w.tell(unixSocket(900, 0, "/s", b, unixDgram), unixSocket(950, 0, "/c", a, unixDgram),
			unixSocket(950, 900, "/c", a, unixDgram, unixBytes(3, 0), since(second), loose),
			unixSocket(900, 950, "/s", b, unixDgram, unixBytes(5, 0), since(answered), loose),
			// Another client, which has no name, cannot be answered.
			unixSocket(960, 900, "", a, unixDgram, unixBytes(7, 0), since(second), loose))
		want := map[string][]string{
			"answered": {"a > b unix /s | kernel 2 | first-datagram 1 kernel 1 | active 2 opened 2 | 10/5"},
			"asked":    {"a > b unix /s | kernel 1 | kernel 1 | active 1 opened 1 | 7/0", "b > a unix /c | kernel 1 | first-datagram 1 | active 1 opened 1 | 5/3"},
			"at once":  {"a - b unix | kernel 1 | none 1 | active 1 opened 1 | 3/5", "a > b unix /s | kernel 1 | kernel 1 | active 1 opened 1 | 7/0"},
		}[name]
		t.Run(name, func(t *testing.T) { w.expectShuffled(t, want...) })
	}
}

func TestUnixDatagramsToANameThatIsNotKnown(t *testing.T) {
	var w world
	w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	calls := func(path string, at flow.Time) unixOpt {
		return func(s *flow.UnixSocket) { s.PeerPath, s.Unconnected, s.Opened = path, true, start+at }
	}
	w.tell(unixSocket(900, 0, "/s", b, unixDgram),
		unixSocket(950, 900, "", a, unixDgram, unixBytes(3, 0), calls("/link", second)),
		unixSocket(951, 0, "", a, unixDgram, unixBytes(4, 0), calls("/elsewhere", second)),
		unixSocket(952, 0, "", a, unixDgram, unixBytes(5, 0), calls("@abstract", second), unixGone))
	w.expectShuffled(t,
		"a > b unix /s | kernel 1 | kernel 1 | active 1 opened 1 | 3/0",
		"a > unknown@1 unix /elsewhere | none 1 | kernel 1 | active 1 opened 1 | 4/?",
		"a > unknown@1 unix @abstract | none 1 | kernel 1 | opened 1 closed 1 | 5/?")
}
