package attribution_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// world of the benchmark: 1,000 client processes, each with an address and
// talking to 5 of 200 servers (5,000 edges), in 50 namespaces, every fourth
// connection over IPv6.
const (
	benchNamespaces = 50
	benchClients    = 1000
	benchServers    = 200
)

func benchAddr(host int, v6 bool) netip.Addr {
	if v6 {
		a := netip.MustParseAddr("fd00::").As16()
		binary.BigEndian.PutUint16(a[14:], uint16(host))
		return netip.AddrFrom16(a)
	}
	return netip.AddrFrom4([4]byte{10, 1, byte(host >> 8), byte(host)})
}

// population makes both ends of n connections in random order, one at a time
// into memory that is used again, as a source does.
type population struct {
	order     []uint32
	addrs     [2][]netip.Addr // by host, IPv4 and IPv6
	sequences bool
	holders   []flow.ProcessKey
}

func newPopulation(n int, sequences bool) *population {
	p := &population{order: make([]uint32, 2*n), sequences: sequences}
	for i := range p.order {
		p.order[i] = uint32(i)
	}
	for host := range 1000 + benchClients {
		p.addrs[0] = append(p.addrs[0], benchAddr(host, false))
		p.addrs[1] = append(p.addrs[1], benchAddr(host, true))
	}
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(p.order), func(i, j int) { p.order[i], p.order[j] = p.order[j], p.order[i] })
	for i := range benchClients + benchServers {
		p.holders = append(p.holders, flow.ProcessKey{PID: int32(1000 + i), Start: uint64(100 + i)})
	}
	return p
}

// fill writes the k-th half-connection into s.
func (p *population) fill(k int, s *flow.Socket) {
	i := int(p.order[k] / 2)
	client, turn := i%benchClients, i/benchClients
	server := (client*7 + turn%5) % benchServers
	addrs := p.addrs[0]
	if i%4 == 0 {
		addrs = p.addrs[1]
	}
	t := flow.Tuple{
		Local: netip.AddrPortFrom(addrs[1000+client], uint16(10000+turn)),
		Peer:  netip.AddrPortFrom(addrs[server+1], uint16(2000+server)),
	}
	send := uint32(i) * 2654435761
	*s = flow.Socket{Time: flow.Time(1e15 + int64(i)), Cookie: flow.SocketCookie(p.order[k]) + 1, Transport: flow.TCP,
		State: flow.Established, HasCounters: true, HasSequence: p.sequences}
	if p.order[k]%2 == 0 {
		s.Tuple, s.Netns = t, flow.NetnsID(client%benchNamespaces+1)
		s.Counters = flow.Counters{BytesSent: 500, BytesAcked: 501, BytesReceived: 9000, RTT: 50}
		s.Sequence = flow.Sequence{SendBase: send, RecvBase: ^send}
		s.Holders = p.holders[client : client+1]
		return
	}
	s.Tuple, s.Netns = t.Mirror(), flow.NetnsID(server%benchNamespaces+1)
	s.Counters = flow.Counters{BytesSent: 9000, BytesAcked: 9000, BytesReceived: 500, RTT: 60}
	s.Sequence = flow.Sequence{SendBase: ^send, RecvBase: send + 1}
	s.Holders = p.holders[benchClients+server : benchClients+server+1]
}

func loadNamespaces(e *attribution.Engine) {
	local := make([][]netip.Prefix, benchNamespaces)
	for _, v6 := range []bool{false, true} {
		for i := range benchClients + benchServers {
			ns, host := i%benchNamespaces, 1000+i
			if i >= benchClients {
				ns, host = (i-benchClients)%benchNamespaces, i-benchClients+1
			}
			a := benchAddr(host, v6)
			local[ns] = append(local[ns], netip.PrefixFrom(a, a.BitLen()))
		}
	}
	for ns, l := range local {
		for server := ns; server < benchServers; server += benchNamespaces {
			e.Apply(&flow.Socket{Time: 1, Cookie: flow.SocketCookie(1<<40 + server), Netns: flow.NetnsID(ns + 1), Transport: flow.TCP,
				State: flow.Listen, Tuple: flow.Tuple{Local: netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(2000+server))}})
		}
		e.Apply(&flow.Namespace{ID: flow.NetnsID(ns + 1), Inode: uint64(ns + 1), Observed: true, DeathsSeen: true, Local: l})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkEngine takes 1,000,000 half-connections in random order from
// observations to edges, beside what filling and probing a presized Go map of
// as many uint64 keys costs in the same run. Making the observations is
// measured apart and taken off.
func BenchmarkEngine(b *testing.B) {
	for _, sequences := range []bool{false, true} {
		name := "tuple"
		if sequences {
			name = "sequence"
		}
		b.Run(name, func(b *testing.B) {
			const halves = 1_000_000
			p := newPopulation(halves/2, sequences)
			var engineNS, mapNS, windowNS float64
			var retained uint64
			for b.Loop() {
				fill := p.fillTime()
				before := heap()
				start := time.Now()
				e := attribution.New(attribution.Config{Sockets: halves})
				loadNamespaces(e)
				l := topology.NewLedger()
				p.apply(e, halves, 0)
				e.Close(l.Add)
				engineNS += float64(time.Since(start)-fill) / halves
				retained = heap() - before
				checkEdges(b, l.Map(e, topology.Facts{}), halves/2)

				// Windows in which 10,000 of the million changed.
				for k := range 2 {
					start = time.Now()
					l.Reset()
					p.apply(e, 10_000, uint64(k+1))
					e.Close(l.Add)
				}
				windowNS += float64(time.Since(start)) / 10_000
				runtime.KeepAlive(e)
				mapNS += goMap(p.order)
			}
			n := float64(b.N)
			b.ReportMetric(engineNS/n, "ns/half")
			b.ReportMetric(mapNS/n, "map-ns/key")
			b.ReportMetric(engineNS/mapNS, "ratio")
			b.ReportMetric(float64(retained)/halves, "B/half")
			b.ReportMetric(windowNS/n, "ns/changed-of-10k")
		})
	}
}

func (p *population) fillTime() time.Duration {
	start := time.Now()
	var s flow.Socket
	for k := range p.order {
		p.fill(k, &s)
	}
	return time.Since(start)
}

// apply tells the first n halves, with more bytes received each turn.
func (p *population) apply(e *attribution.Engine, n int, turn uint64) {
	var s flow.Socket
	for k := range n {
		p.fill(k, &s)
		s.Counters.BytesReceived += 100 * turn
		e.Apply(&s)
	}
}

func checkEdges(b *testing.B, m *topology.Map, connections uint64) {
	var active uint64
	for i := range m.Edges {
		active += m.Edges[i].Connections.Active
		ev := m.Edges[i].Evidence
		if len(ev.Peer) != 1 || ev.Peer["tuple"]+ev.Peer["sequence"] == 0 || ev.Role["none"] != 0 {
			b.Fatalf("edge %+v stands on other evidence", m.Edges[i])
		}
	}
	if active != connections || len(m.Edges) != 5000 {
		b.Fatalf("%d connections on %d edges, want %d on 5000", active, len(m.Edges), connections)
	}
}

func goMap(keys []uint32) float64 {
	runtime.GC()
	start := time.Now()
	m := make(map[uint64]uint64, len(keys))
	for i, k := range keys {
		m[uint64(k)] = uint64(i)
	}
	var sum uint64
	for i := range keys {
		sum += m[uint64(keys[len(keys)-1-i])]
	}
	if sum == 1 {
		fmt.Println(sum)
	}
	return float64(time.Since(start)) / float64(len(keys))
}

// BenchmarkWindowOfOne is the steady path: a socket that is known tells its
// counters, and the window is closed.
func BenchmarkWindowOfOne(b *testing.B) {
	e := attribution.New(attribution.Config{Sockets: 2000})
	loadNamespaces(e)
	p := newPopulation(1000, true)
	p.apply(e, len(p.order), 0)
	l := topology.NewLedger()
	e.Close(l.Add)
	var s flow.Socket
	p.fill(0, &s)
	b.ReportAllocs()
	for b.Loop() {
		s.Counters.BytesReceived++
		e.Apply(&s)
		e.Close(l.Add)
		l.Reset()
	}
}
