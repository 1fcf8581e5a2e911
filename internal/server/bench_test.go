package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/topology"
)

// crowd is a host of many programs: a fifth of the processes are servers that
// all others call.
func crowd(from, to time.Time, edges int) *topology.Map {
	m := &topology.Map{Schema: topology.Schema, Host: topology.Host{Name: "big-1"}, Window: topology.Window{Start: stamp(from), End: stamp(to)},
		Capture: topology.Capture{Source: "ebpf", Rung: "1", Degraded: []topology.Degraded{}, Lost: map[string]uint64{"late": 0}}}
	n := edges / 3
	for i := range n {
		name := fmt.Sprintf("worker%d", i%200)
		m.Nodes = append(m.Nodes, topology.Node{ID: fmt.Sprintf("process:%d@%d", 1000+i, 77+i), Kind: topology.KindProcess, Name: name, Attributes: topology.Attributes{
			PID: int32(1000 + i), ExecutableName: name, ExecutablePath: "/opt/" + name, CommandLine: "/opt/" + name + " --listen 0.0.0.0 --workers 4", Owner: "app",
			Unit: fmt.Sprintf("app-%d.service", i%300), Cgroup: "/system.slice/app.service", Created: "2026-01-01T00:00:00.000Z", NetnsInode: 4026531840}})
	}
	for i := range edges {
		c, s := m.Nodes[i%n].ID, m.Nodes[(i*7+3)%(n/5+1)].ID
		port := uint16(8000 + i%50)
		bytes := uint64(1000 + i)
		m.Edges = append(m.Edges, topology.Edge{ID: topology.EdgeID(c, s, "tcp", fmt.Sprint(port)), Client: c, Server: s, Transport: "tcp", ServerPort: port,
			Evidence:    topology.Evidence{Peer: map[string]uint64{"sequence": 2}, Role: map[string]uint64{"handshake": 2}},
			Connections: topology.Connections{Active: 2, Opened: 1, Closed: 1}, Bytes: &topology.Bytes{ToServer: new(bytes), ToClient: new(3 * bytes)},
			Sides: &topology.Sides{Client: &topology.Bytes{ToServer: new(bytes), ToClient: new(3 * bytes)}, Server: &topology.Bytes{ToServer: new(bytes), ToClient: new(3 * bytes)}},
			RTT:   &topology.Stat{Count: 2, Sum: 300, Min: 100, Max: 200, Buckets: topology.Buckets{{UpTo: 100, Count: 1}, {UpTo: 200, Count: 1}}}})
	}
	sortMap(m)
	m.Edges = slices.CompactFunc(m.Edges, func(a, b topology.Edge) bool { return a.ID == b.ID })
	return m
}

// BenchmarkGraph is the answer to one client: with what was made for another
// one, and made anew after each tick. p95-ms is what one in twenty takes longer.
func BenchmarkGraph(b *testing.B) {
	for _, edges := range []int{1000, 5000} {
		for _, fresh := range []bool{false, true} {
			name := fmt.Sprintf("%d-edges/", edges) + map[bool]string{false: "cached", true: "anew"}[fresh]
			b.Run(name, func(b *testing.B) {
				s := tester(b, nil)
				for i := range 60 {
					at := noon.Add(time.Duration(i-60) * time.Second)
					s.Publish(crowd(at, at.Add(time.Second), edges))
					s.recent.compact()
				}
				handler := s.guard(s.mux())
				next := crowd(noon, noon.Add(time.Second), edges)
				var took, worked []time.Duration
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					if fresh {
						b.StopTimer()
						m := *next
						at := noon.Add(time.Duration(i) * time.Second)
						i++
						m.Window = topology.Window{Start: stamp(at), End: stamp(at.Add(time.Second))}
						s.Publish(&m)
						s.recent.compact()
						b.StartTimer()
					}
					r := httptest.NewRequest(http.MethodGet, "/api/v1/graph", nil)
					r.Host = "localhost"
					w := httptest.NewRecorder()
					start, work := time.Now(), processorTime(b)
					handler.ServeHTTP(w, r)
					took, worked = append(took, time.Since(start)), append(worked, processorTime(b)-work)
					if w.Code != http.StatusOK {
						b.Fatal(w.Body)
					}
				}
				b.ReportMetric(p95(took), "p95-ms")
				b.ReportMetric(p95(worked), "p95-cpu-ms")
			})
		}
	}
}

// p95 is what one in twenty is longer than, in milliseconds.
func p95(list []time.Duration) float64 {
	slices.Sort(list)
	return float64(list[len(list)*95/100].Microseconds()) / 1000
}

// processorTime is what this process has used of processors, all its goroutines
// together: on a machine that does other things too it says more than the clock.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPublish is what the loop that observes waits for.
func BenchmarkPublish(b *testing.B) {
	s := tester(b, nil)
	m := crowd(noon, noon.Add(time.Second), 5000)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		next := *m
		at := noon.Add(time.Duration(i) * time.Second)
		i++
		next.Window = topology.Window{Start: stamp(at), End: stamp(at.Add(time.Second))}
		s.Publish(&next)
	}
}

// BenchmarkTick is what is done after a tick for streams that look in the same
// way.
func BenchmarkTick(b *testing.B) {
	s := tester(b, nil)
	m := crowd(noon, noon.Add(time.Second), 1000)
	c := &call{p: &parameters{now: noon}}
	topic, _, err := s.hub.join(b.Context(), c.look(), "")
	if err != nil {
		b.Fatal(err)
	}
	i, size := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		next := *m
		at := noon.Add(time.Duration(i) * time.Second)
		i++
		next.Window = topology.Window{Start: stamp(at), End: stamp(at.Add(time.Second))}
		s.Publish(&next)
		<-s.tick
		s.after()
		size = len(topic.past[len(topic.past)-1].text)
	}
	b.ReportMetric(float64(size), "delta-bytes")
}
