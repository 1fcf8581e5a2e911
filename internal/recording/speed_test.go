package recording_test

import (
	"bytes"
	"io"
	"net/netip"
	"testing"

	"peerscope/internal/flow"
	"peerscope/internal/recording"
)

// sockets are looks at connections as a busy host has them.
func sockets(n int) []flow.Observation {
	all := make([]flow.Observation, n)
	for i := range all {
		all[i] = &flow.Socket{
			Time: 1767323045000000000 + flow.Time(i/1000)*1e9, Cookie: flow.SocketCookie(100_000 + i), Netns: 4026531840,
			Transport: flow.TCP, State: flow.Established,
			Tuple: flow.Tuple{
				Local: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 7}), uint16(32768+i%28000)),
				Peer:  netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5432),
			},
			Sequence: flow.Sequence{SendBase: uint32(i) * 2654435761, RecvBase: uint32(i) * 40503}, HasSequence: true,
			Counters:    flow.Counters{BytesSent: uint64(i) * 977, BytesAcked: uint64(i)*977 + 1, BytesReceived: uint64(i) * 3011, RTT: uint32(i % 900)},
			HasCounters: true, UID: 1000, Cgroup: 4711, Holders: []flow.ProcessKey{{PID: int32(4000 + i%50), Start: uint64(8812345 + i%50)}},
		}
	}
	return all
}

func BenchmarkWrite(b *testing.B) {
	all := sockets(10_000)
	for name, compress := range map[string]bool{"plain": false, "zstd": true} {
		b.Run(name, func(b *testing.B) {
			var size counter
			w, err := recording.NewWriter(&size, recording.Options{Compress: compress})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if err := w.Write(all[n%len(all)]); err != nil {
					b.Fatal(err)
				}
				n++
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "sockets/s")
			b.ReportMetric(float64(size)/float64(n), "B/socket")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	all := sockets(100_000)
	for name, compress := range map[string]bool{"plain": false, "zstd": true} {
		b.Run(name, func(b *testing.B) {
			content := write(b, recording.Options{Compress: compress}, all...)
			b.ReportAllocs()
			n := 0
			var r *recording.Reader
			for b.Loop() {
				if n%len(all) == 0 {
					var err error
					if r, err = recording.NewReader(bytes.NewReader(content)); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "sockets/s")
		})
	}
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

var _ io.Writer = (*counter)(nil)
