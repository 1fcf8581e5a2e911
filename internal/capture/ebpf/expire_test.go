package ebpf

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
)

// quiet is a source without programs that keeps what it tells.
func quiet() (*Source, *[]flow.Observation) {
	var told []flow.Observation
	s := newSource(Config{Emit: func(o flow.Observation) {
		switch o := o.(type) {
		case *flow.Socket:
			c := *o
			told = append(told, &c)
		default:
			told = append(told, o)
		}
	}, Processes: nobody{}})
	s.started = 1
	return s, &told
}

const (
	minute = uint64(time.Minute)
	hour   = uint64(time.Hour)
)

// A server's socket has a flow with each client: those that are quiet are over.
func TestIdleFlowsOfOneSocketEnd(t *testing.T) {
	s, told := quiet()
	now := 10 * hour
	flowOf := func(cookie uint64, port uint16, last uint64, connected uint8) {
		s.datagram(&peerscopeFlowKey{Cookie: cookie, PeerPort: port}, &peerscopeFlowValue{First: last, Last: last, LocalPort: 53, Connected: connected, BytesSent: 7, NetnsInode: 1})
	}
	for i := range uint16(1000) {
		flowOf(1, 1000+i, now-3*minute, 0)
	}
	flowOf(1, 9, now-minute, 0)
	flowOf(2, 10, now-5*hour, 1) // connected before, to another
	flowOf(2, 11, now-4*hour, 1)
	flowOf(3, 0, now-3*minute, 0)
	s.settleDatagrams()
	s.datagrams.adopted[4] = true
	*told = nil
	s.expireDatagrams(now)
	if got := len(s.datagrams.byKey); got != 2 {
		t.Errorf("%d flows are left, want the one of a minute ago and the one that is connected", got)
	}
	final := 0
	for _, o := range *told {
		if k, ok := o.(*flow.Socket); ok && k.Final && k.Counters.BytesSent == 7 {
			final++
		}
	}
	if final != 1001 || len(s.datagrams.adopted) != 0 {
		t.Errorf("%d ends were told, want 1001; %v are still known from the start", final, s.datagrams.adopted)
	}
}

func TestIdleUnixDatagramsEnd(t *testing.T) {
	s, told := quiet()
	now := 10 * hour
	s.locals.alive = map[uint64]bool{1: true, 7: true}
	add := func(cookie, peer uint64, last uint64, typ flow.UnixType) {
		k := &peerscopeFlowKey{Cookie: cookie}
		for i := range 8 {
			k.Peer[i] = uint8(peer >> (8 * i))
		}
		v := &peerscopeUnixValue{Type: uint8(typ)}
		v.Flow.First, v.Flow.Last, v.Flow.BytesReceived, v.Flow.NetnsInode = last, last, 5, 1
		s.local(k, v)
	}
	for peer := range uint64(100) {
		add(1, 100+peer, now-minute, flow.UnixDgram) // whose peer is gone
	}
	add(1, 7, now-minute, flow.UnixDgram)
	add(7, 1, now-11*minute, flow.UnixDgram)
	add(9, 300, now-hour, flow.UnixStream) // has one peer in its life
	*told = nil
	s.expireLocals(now)
	if len(s.locals.flows) != 2 || len(*told) != 101 {
		t.Errorf("%d flows are left and %d ends told, want 2 and 101", len(s.locals.flows), len(*told))
	}
	if o := (*told)[0].(*flow.UnixSocket); !o.Final || o.Counters.BytesReceived != 5 || o.Inode != 1 {
		t.Errorf("told %+v", o)
	}
}

func TestProcessesWithoutAWordOfTheirEndAreForgotten(t *testing.T) {
	s, told := quiet()
	if s.sweep(func(int32) bool { return true }); len(*told) != 0 {
		t.Fatalf("told %v", *told)
	}
	key := func(pid int32, start uint64) flow.ProcessKey { return flow.ProcessKey{PID: pid, Start: start} }
	for pid := range int32(100) {
		s.meet(key(pid+1, 5))
	}
	s.meet(key(1, 9)) // the same number again
	s.sweep(func(pid int32) bool { return pid <= 10 })
	exits := map[flow.ProcessKey]bool{}
	for _, o := range *told {
		exits[o.(*flow.Exit).Key] = true
	}
	if len(exits) != 91 || !exits[key(1, 5)] || exits[key(1, 9)] || exits[key(10, 5)] || !exits[key(11, 5)] {
		t.Errorf("%d ends were told", len(exits))
	}
	s.people.forget(s.now() + 2*remembered)
	if d := cmp.Diff([2]int{10, 10}, [2]int{len(s.people.known), len(s.people.byPID)}); d != "" {
		t.Errorf("remembered (-want +got):\n%s", d)
	}
}

func TestNamespacesThatNobodyFindsEnd(t *testing.T) {
	s, told := quiet()
	now := time.Now()
	s.met(0, 11)
	s.met(0, 12)
	s.foundPlaces([]flow.NetnsID{netnsID(0, 12)}, now.Add(2*lostPlace))
	*told = nil
	s.missPlaces(now.Add(2 * lostPlace))
	if len(*told) != 1 || len(s.places) != 1 {
		t.Fatalf("told %v", *told)
	}
	if n := (*told)[0].(*flow.Namespace); !n.Gone || n.Inode != 11 {
		t.Errorf("told %+v", n)
	}
}

// Nobody tells that a socket waits no more; the next look misses it.
func TestSocketsThatWaitNoMoreEnd(t *testing.T) {
	s, told := quiet()
	socket := func(cookie flow.SocketCookie, transport flow.Transport) {
		s.waits.met(&flow.Socket{Cookie: cookie, Netns: 1, Transport: transport})
	}
	socket(1, flow.TCP)
	socket(2, flow.UDP)
	socket(3, flow.UDP)
	s.missWaits()
	if len(*told) != 0 {
		t.Fatalf("told %v", *told)
	}
	socket(3, flow.UDP)
	s.missWaits()
	var got []string
	for _, o := range *told {
		k := o.(*flow.Socket)
		got = append(got, fmt.Sprint(k.Cookie, k.Transport, k.State, k.Final))
	}
	if d := cmp.Diff([]string{"1 tcp listen true", "2 udp close true"}, got); d != "" || len(s.waits.known) != 1 {
		t.Errorf("%d are left (-want +got):\n%s", len(s.waits.known), d)
	}
}
