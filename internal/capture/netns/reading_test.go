package netns

import (
	"flag"
	"fmt"
	"net"
	"slices"
	"testing"

	"peerscope/internal/capture/capturetest"
)

func reading(t testing.TB, readings []Reading, inode uint64) Reading {
	t.Helper()
	i := slices.IndexFunc(readings, func(r Reading) bool { return r.Inode == inode })
	if i < 0 {
		t.Fatalf("nothing is told of namespace %d: %+v", inode, readings)
	}
	return readings[i]
}

func TestTotalsAreThoseOfTheNamespace(t *testing.T) {
	n, remove := named(t, "pst2-totals")
	quiet := capturetest.NewNamespace(t)
	capturetest.Live(t, quiet)
	r := registry(t, "pst2-totals", fmt.Sprint(quiet.Inode))
	refresh(t, r)

	l := capturetest.Listen(t, n, "127.0.0.1:0")
	first, firstServer := capturetest.Connect(t, n, l)
	second, secondServer := capturetest.Connect(t, n, l)
	capturetest.Connect(t, n, l)
	first.(*net.TCPConn).SetLinger(0) // one end resets, and so is the other
	first.Close()
	firstServer.Read(make([]byte, 1))
	firstServer.Close()
	second.Close()
	secondServer.Close()
	capturetest.In(t, n, func() error {
		if c, err := net.Dial("tcp", "127.0.0.1:1"); err == nil {
			c.Close()
			return fmt.Errorf("connected to a port where nobody listens")
		}
		return nil
	})
	got := r.ReadTotals()
	if len(got) != 2 || got[0].ID > got[1].ID {
		t.Errorf("readings: %+v", got)
	}
	want := Reading{ID: cookie(t, n), Inode: n.Inode, OK: true,
		Totals: Totals{ActiveOpens: 4, PassiveOpens: 3, AttemptFails: 1, EstabResets: 2, CurrEstab: 2}}
	if one := reading(t, got, n.Inode); one != want {
		t.Errorf("totals %+v, want %+v", one, want)
	}
	if one := reading(t, got, quiet.Inode); one != (Reading{ID: cookie(t, quiet), Inode: quiet.Inode, OK: true}) {
		t.Errorf("totals of a quiet namespace: %+v", one)
	}

	// Once it is gone, what was read last is told, and that it may not be all.
	remove()
	want.OK = false
	if one := reading(t, r.ReadTotals(), n.Inode); one != want {
		t.Errorf("totals after the end: %+v, want %+v", one, want)
	}
	refresh(t, r)
	if one := reading(t, r.ReadTotals(), n.Inode); one != want {
		t.Errorf("totals after the end and a refresh: %+v, want %+v", one, want)
	}
	if got := r.ReadTotals(); len(got) != 1 || got[0].Inode != quiet.Inode {
		t.Errorf("told of one that is gone twice: %+v", got)
	}
}

func TestEndedBeforeItsTotalsWereRead(t *testing.T) {
	n := capturetest.NewNamespace(t)
	_, end := capturetest.Live(t, n)
	r := registry(t, fmt.Sprint(n.Inode))
	refresh(t, r)
	id := cookie(t, n)
	end()
	refresh(t, r)
	if got := r.ReadTotals(); len(got) != 1 || got[0] != (Reading{ID: id, Inode: n.Inode}) {
		t.Errorf("totals that nobody read: %+v", got)
	}
}

var namespaces = flag.Int("namespaces", 20, "namespaces that benchmarks look at; half have a name, half a process")

// many makes namespaces, and returns a registry that knows all there are.
func many(b *testing.B) *Registry {
	b.Helper()
	for i := range *namespaces {
		n := capturetest.NewNamespace(b)
		if i%2 == 0 {
			n.Name(b, "/run/netns", fmt.Sprintf("pst2-many-%d", i))
		} else {
			capturetest.Live(b, n)
		}
		n.File.Close()
	}
	r := registry(b)
	refresh(b, r)
	return r
}

func BenchmarkRefresh(b *testing.B) {
	r := many(b)
	b.ReportAllocs()
	for b.Loop() {
		refresh(b, r)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(r.known)), "us/namespace")
}

func BenchmarkReadTotals(b *testing.B) {
	r := many(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, one := range r.ReadTotals() {
			if !one.OK {
				b.Fatalf("%+v", one)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(r.known)), "us/namespace")
}
