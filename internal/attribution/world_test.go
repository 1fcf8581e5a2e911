package attribution_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// world collects observations in the order they are written down.
type world struct {
	obs    []flow.Observation
	cookie flow.SocketCookie
	groups []int // where in obs another connection begins
}

// another says that what follows is of another connection than what came before.
func (w *world) another() { w.groups = append(w.groups, len(w.obs)) }

const second = flow.Time(1e9)

// start is when every test's window opens.
const start = 1_700_000_000 * second

func (w *world) tell(o ...flow.Observation) { w.obs = append(w.obs, o...) }

// process tells who a pid is; its start time is 10 times the pid.
func (w *world) process(pid int32, name string, with ...func(*flow.Process)) flow.ProcessKey {
	p := &flow.Process{Time: start, Key: flow.ProcessKey{PID: pid, Start: uint64(pid) * 10}, Name: name}
	for _, f := range with {
		f(p)
	}
	w.tell(p)
	return p.Key
}

// netns tells of a namespace that is observed, with loopback and its addresses.
func (w *world) netns(id flow.NetnsID, addrs ...string) flow.NetnsID {
	w.tell(&flow.Namespace{Time: start, ID: id, Inode: 4026530000 + uint64(id), Observed: true, DeathsSeen: true, Local: prefixes(addrs)})
	return id
}

func prefixes(addrs []string) []netip.Prefix {
	out := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for _, a := range addrs {
		if strings.Contains(a, "/") {
			out = append(out, netip.MustParsePrefix(a))
			continue
		}
		ip := netip.MustParseAddr(a)
		out = append(out, netip.PrefixFrom(ip, ip.BitLen()))
	}
	return out
}

// tuple is written as "10.0.0.1:4000 > 10.0.0.2:80".
func tuple(s string) flow.Tuple {
	local, peer, found := strings.Cut(s, " > ")
	t := flow.Tuple{Local: netip.MustParseAddrPort(local)}
	if found {
		t.Peer = netip.MustParseAddrPort(peer)
	}
	return t
}

type opt func(*flow.Socket)

// socket tells of a socket with a peer that was opened within the window.
func (w *world) socket(ns flow.NetnsID, t string, with ...opt) *flow.Socket {
	w.cookie++
	s := &flow.Socket{Time: start + second, Cookie: w.cookie, Netns: ns, Transport: flow.TCP, State: flow.Established, Tuple: tuple(t)}
	for _, f := range with {
		f(s)
	}
	w.tell(s)
	return s
}

func (w *world) listener(ns flow.NetnsID, addr string, holders ...flow.ProcessKey) *flow.Socket {
	return w.socket(ns, addr, state(flow.Listen), held(holders...), func(s *flow.Socket) { s.Limit = 128 })
}

func held(k ...flow.ProcessKey) opt  { return func(s *flow.Socket) { s.Holders = k } }
func state(v flow.State) opt         { return func(s *flow.Socket) { s.State = v } }
func at(t flow.Time) opt             { return func(s *flow.Socket) { s.Time = start + t } }
func cookie(c flow.SocketCookie) opt { return func(s *flow.Socket) { s.Cookie = c } }
func udp(s *flow.Socket)             { s.Transport = flow.UDP }
func adopted(s *flow.Socket)         { s.Adopted = true }
func lastLook(s *flow.Socket)        { s.LastLook = true }
func unaccepted(s *flow.Socket)      { s.Unaccepted = true }
func vanished(s *flow.Socket)        { s.State, s.Final, s.Vanished = flow.Close, true, true }
func sequence(send, recv uint32) opt {
	return func(s *flow.Socket) { s.HasSequence, s.Sequence = true, flow.Sequence{SendBase: send, RecvBase: recv} }
}

// counted gives a client's counters after payload sent and received: its SYN
// is counted, as the kernel does.
func asClient(sent, received uint64) opt {
	return func(s *flow.Socket) {
		s.HasCounters = true
		s.Counters = flow.Counters{BytesSent: sent, BytesAcked: sent + 1, BytesReceived: received, RTT: 100}
		if s.Final {
			s.Counters.BytesAcked, s.Counters.BytesReceived = sent+2, received+1
		}
	}
}

func asServer(sent, received uint64) opt {
	return func(s *flow.Socket) {
		s.HasCounters = true
		s.Counters = flow.Counters{BytesSent: sent, BytesAcked: sent, BytesReceived: received, RTT: 90}
		if s.Final {
			s.Counters.BytesAcked, s.Counters.BytesReceived = sent+1, received+1
		}
	}
}

// died is a death with final counters.
func died(s *flow.Socket) { s.State, s.Final, s.Connected = flow.Close, true, true }

// connection tells both ends of an open connection whose roles the SYN byte
// shows.
func (w *world) connection(cns flow.NetnsID, client flow.ProcessKey, sns flow.NetnsID, server flow.ProcessKey, t string) {
	w.socket(cns, t, held(client), asClient(10, 20))
	m := tuple(t).Mirror()
	w.socket(sns, m.Local.String()+" > "+m.Peer.String(), held(server), asServer(20, 10))
}

// engineOf applies the observations and closes the window.
func engineOf(obs []flow.Observation) (*attribution.Engine, *topology.Ledger) {
	e, l := attribution.New(attribution.Config{}), topology.NewLedger()
	for _, o := range obs {
		e.Apply(o)
	}
	e.Close(l.Add)
	return e, l
}

func mapOf(obs []flow.Observation) *topology.Map {
	e, l := engineOf(obs)
	return factsOf(e, l)
}

func factsOf(e *attribution.Engine, l *topology.Ledger) *topology.Map {
	s := e.Summary()
	return l.Map(e, topology.Facts{Host: s.Host, Capture: s.Capture, Window: s.Window, Gaps: s.Gaps, Lost: s.Lost})
}

// edgesOf writes each edge in one line, sorted, to be compared with what is
// expected:
//
//	curl > web tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 10/20
func edgesOf(m *topology.Map) []string {
	names := map[string]string{}
	for _, n := range m.Nodes {
		names[n.ID] = n.Name
		if n.Kind != topology.KindProcess && n.Attributes.NetnsInode != 0 {
			names[n.ID] += fmt.Sprintf("@%d", n.Attributes.NetnsInode-4026530000)
		}
	}
	var out []string
	for i := range m.Edges {
		out = append(out, edgeLine(&m.Edges[i], names))
	}
	slices.Sort(out)
	return out
}

func edgeLine(e *topology.Edge, names map[string]string) string {
	var b strings.Builder
	if e.Ends != nil {
		fmt.Fprintf(&b, "%s - %s %s", names[e.Ends[0]], names[e.Ends[1]], e.Transport)
	} else {
		fmt.Fprintf(&b, "%s > %s %s", names[e.Client], names[e.Server], e.Transport)
	}
	if e.ServerPort != 0 {
		fmt.Fprintf(&b, " %d", e.ServerPort)
	}
	if e.EndPorts != nil {
		fmt.Fprintf(&b, " %d-%d", e.EndPorts[0], e.EndPorts[1])
	}
	if e.Path != "" {
		b.WriteString(" " + e.Path)
	}
	b.WriteString(" | " + counts(e.Evidence.Peer) + " | " + counts(e.Evidence.Role) + " |")
	c := e.Connections
	for _, v := range []struct {
		name string
		n    uint64
	}{{"active", c.Active}, {"opened", c.Opened}, {"closed", c.Closed}, {"failed", c.Failed}, {"pending", c.Pending}} {
		if v.n > 0 {
			fmt.Fprintf(&b, " %s %d", v.name, v.n)
		}
	}
	if e.Bytes != nil {
		value := func(p *uint64) string {
			if p == nil {
				return "?"
			}
			return fmt.Sprint(*p)
		}
		if e.Ends != nil {
			b.WriteString(" | " + value(e.Bytes.FirstToSecond) + "/" + value(e.Bytes.SecondToFirst))
		} else {
			b.WriteString(" | " + value(e.Bytes.ToServer) + "/" + value(e.Bytes.ToClient))
		}
	}
	if e.Inexact != nil {
		b.WriteString(" inexact " + strings.Join(e.Inexact, ","))
	}
	if e.Dialed != nil {
		b.WriteString(" dialed " + strings.Join(e.Dialed, ","))
	}
	for _, sets := range []struct {
		what string
		m    map[string][]string
	}{{"candidates", e.Candidates}, {"holders", e.Holders}} {
		for _, end := range slices.Sorted(maps.Keys(sets.m)) {
			var list []string
			for _, id := range sets.m[end] {
				list = append(list, names[id])
			}
			slices.Sort(list)
			fmt.Fprintf(&b, " %s %s=%s", sets.what, end, strings.Join(list, ","))
		}
	}
	return b.String()
}

func counts(m map[string]uint64) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(out, " ")
}

// expect compares the edges that the world makes with the lines wanted, and
// demands the same answer in reverse order and told twice, and accounts that
// lead to it.
func (w *world) expect(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	if want == nil {
		want = []string{}
	}
	check := func(how string, obs []flow.Observation) {
		t.Helper()
		got := edgesOf(mapOf(obs))
		if got == nil {
			got = []string{}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", how, d)
		}
	}
	check("as told", w.obs)
	w.explained(t)
	back := slices.Clone(w.obs)
	slices.Reverse(back)
	check("in reverse order", back)
	check("told twice", slices.Concat(w.obs, w.obs))
}
