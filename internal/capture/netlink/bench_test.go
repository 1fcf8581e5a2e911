package netlink

import (
	"flag"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

// -processes 100 makes 100,000 sockets, which takes some seconds to set up.
var processes = flag.Int("processes", 10, "processes with 1,000 sockets each that benchmarks look at")

// perProcess is how many connections, so half the sockets, a process holds. One
// more socket listens.
const perProcess = 500

func BenchmarkDumpInet(b *testing.B) {
	h := capturetest.NewNamespace(b)
	capturetest.Population(b, h, *processes, perProcess)
	c := dialSocketsIn(b, h)
	want := *processes * (2*perProcess + 1)
	run := func(name string, c *nlsocket.Conn, want int, r inetRequest) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				if err := dumpInet(c, r, func(*inetSocket) error { n++; return nil }); err != nil || n != want {
					b.Fatal(n, want, err)
				}
			}
			if want > 0 {
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(want), "ns/socket")
			}
		})
	}
	all := inetRequest{Transport: flow.TCP, States: liveStates, Info: true}
	run("info", c, want, all)
	run("plain", c, want, inetRequest{Transport: flow.TCP, States: liveStates})
	run("listeners", c, *processes, inetRequest{Transport: flow.TCP, States: 1 << flow.Listen})
	// The table of connections is one for all namespaces, so an empty one costs
	// a pass over everybody's sockets.
	run("empty namespace", dialSocketsIn(b, capturetest.NewNamespace(b)), 0, all)
	b.Run("unparsed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			err := c.Dump(appendInetRequest(nil, all), func(uint16, []byte) error { return nil })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReceiveDeaths(b *testing.B) {
	h := capturetest.NewNamespace(b)
	l := capturetest.Listen(b, h, "127.0.0.1:0")
	var c *nlsocket.Conn
	capturetest.In(b, h, func() (err error) { c, err = dialDeaths(flow.TCP); return err })
	defer c.Close()
	if _, err := c.SetReceiveBuffer(8 << 20); err != nil {
		b.Fatal(err)
	}
	const each = 500
	taken := 0
	d := newDeaths(c, func(*inetSocket) { taken++ })
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for range each / 2 {
			client, server := capturetest.Connect(b, h, l)
			client.Close()
			server.Close()
		}
		time.Sleep(20 * time.Millisecond)
		taken = 0
		b.StartTimer()
		for taken < each {
			if _, overrun, err := d.receive(); err != nil || overrun {
				b.Fatal(overrun, err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/each, "ns/death")
}

func BenchmarkWalkFDs(b *testing.B) {
	pids := capturetest.Population(b, capturetest.NewNamespace(b), *processes, perProcess)
	want := *processes * (2*perProcess + 1)
	run := func(name string, pids []int32, least int) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				stats, err := walkFDs("/proc", pids, func(uint64) bool { return false }, nil)
				if err != nil || stats.Sockets < least {
					b.Fatal(stats, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(max(least, 1)), "ns/socket")
		})
	}
	run("whole host", nil, want)
	run("given processes", pids, want)
}

// BenchmarkSS is what others need for the same: ss -tanp dumps and walks.
func BenchmarkSS(b *testing.B) {
	path, err := exec.LookPath("ss")
	if err != nil {
		b.Skip("needs ss(8)")
	}
	h := capturetest.NewNamespace(b)
	capturetest.Population(b, h, *processes, perProcess)
	b.Run("tanp", func(b *testing.B) {
		for b.Loop() {
			capturetest.In(b, h, func() error { return exec.Command(path, "-tanpH").Run() })
		}
	})
	c := dialSocketsIn(b, h)
	b.Run("dump and walk", func(b *testing.B) {
		held := map[uint64]bool{}
		found := make([]int, walkWorkers())
		for b.Loop() {
			clear(held)
			err := dumpInet(c, inetRequest{Family: unix.AF_UNSPEC, Transport: flow.TCP, States: liveStates, Info: true}, func(s *inetSocket) error {
				held[s.Inode] = true
				return nil
			})
			if err == nil {
				_, err = walkFDs("/proc", nil, func(inode uint64) bool { return held[inode] }, func(worker int, _ int32, _ uint64) { found[worker]++ })
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
