package ebpf

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// A socket that talks to many peers, one after the other, has a flow with each; it
// may live for months. What nothing went over for a while is over. If more comes,
// that is another flow.
const (
	expireEvery = 10 * time.Second
	idleFlow    = 2 * time.Minute  // of a UDP socket that is not connected to the peer
	idleLocal   = 10 * time.Minute // of a unix datagram socket
	idleOrphan  = 30 * time.Second // of one whose peer is gone
	lostPlace   = time.Minute      // how long a namespace is kept that nobody finds
)

// expire ends what the kernel does not tell the end of.
func (s *Source) expire() {
	now := time.Now()
	if now.Sub(s.expired) < expireEvery {
		return
	}
	s.expired = now
	at := s.clock.boot(s.now())
	s.expireDatagrams(at)
	s.expireLocals(at)
	s.missPlaces(now)
	s.people.forget(s.now())
	if now.Sub(s.people.swept) >= sweepEvery {
		s.people.swept = now
		s.sweep(func(pid int32) bool { return unix.Kill(int(pid), 0) != unix.ESRCH })
	}
}

// idleFor: nothing went over it for so long. Times are CLOCK_BOOTTIME in ns.
func idleFor(last, now uint64, after time.Duration) bool {
	return now > last && now-last > uint64(after)
}

func (s *Source) expireDatagrams(now uint64) {
	d := &s.datagrams
	// The flow of a connected socket lasts as long as it stays connected to that peer.
	latest, busy := map[uint64]uint64{}, map[uint64]bool{}
	for k, f := range d.byKey {
		if busy[k.cookie] = true; f.value.Connected != 0 {
			latest[k.cookie] = max(latest[k.cookie], f.value.Last)
		}
	}
	var over []datagramKey
	for k, f := range d.byKey {
		v := &f.value
		if len(f.parts) == 0 && idleFor(v.Last, now, idleFlow) && !(v.Connected != 0 && v.Last == latest[k.cookie]) {
			over = append(over, k)
		}
	}
	slices.SortFunc(over, func(a, b datagramKey) int { return cmp.Compare(d.byKey[a].cookie, d.byKey[b].cookie) })
	for _, k := range over {
		s.tellDatagram(k, d.byKey[k], true)
		delete(d.byKey, k)
	}
	maps.DeleteFunc(d.adopted, func(cookie uint64, _ bool) bool { return !d.alive[cookie] && !busy[cookie] })
}

func (s *Source) expireLocals(now uint64) {
	l := &s.locals
	var over []localKey
	for k, f := range l.flows {
		orphan := !k.named && !l.alive[uint64At(k.peer)] && l.waiting[uint64At(k.peer)] == 0
		if f.value.Type == uint8(flow.UnixDgram) && (idleFor(f.value.Flow.Last, now, idleLocal) || orphan && idleFor(f.value.Flow.Last, now, idleOrphan)) {
			over = append(over, k)
		}
	}
	slices.SortFunc(over, func(a, b localKey) int {
		return cmp.Or(cmp.Compare(a.cookie, b.cookie), cmp.Compare(l.flows[a].generation, l.flows[b].generation))
	})
	for _, k := range over {
		f := l.flows[k]
		v := &f.value.Flow
		s.emit(&flow.UnixSocket{Time: s.clock.time(v.Last), Cookie: flow.SocketCookie(k.cookie), Inode: k.cookie, Generation: f.generation,
			Netns: netnsID(v.Netns, v.NetnsInode), Type: flow.UnixType(f.value.Type), State: flow.Established, Final: true, HasCounters: true,
			Counters: flow.UnixCounters{BytesSent: v.BytesSent, BytesReceived: v.BytesReceived}})
		delete(l.flows, k)
	}
}

// foundPlaces takes down which namespaces live, missPlaces tells the end of those
// that nobody has found for a while: what was told of them may come a little later.
func (s *Source) foundPlaces(ids []flow.NetnsID, now time.Time) {
	for _, id := range ids {
		if p := s.places[id]; p != nil {
			p.seen = now
		}
	}
}

func (s *Source) missPlaces(now time.Time) {
	for _, id := range slices.Sorted(maps.Keys(s.places)) {
		if p := s.places[id]; now.Sub(p.seen) > lostPlace {
			s.emit(&flow.Namespace{Time: s.now(), ID: id, Inode: p.inode, Gone: true})
			delete(s.places, id)
		}
	}
}

// sweepEvery is how often it is asked whether the processes that were met live
// still, at 0.3 us each: the word of an end may have been lost.
const sweepEvery = time.Minute

// sweep tells the end of processes that are gone without a word. A program in a
// pid namespace of its own cannot ask.
func (s *Source) sweep(lives func(pid int32) bool) {
	if ns, err := os.Readlink("/proc/self/ns/pid"); err != nil || ns != initialPIDs {
		return
	}
	var gone []flow.ProcessKey
	for k, who := range s.people.known {
		if who.exited == 0 && !lives(k.PID) {
			gone = append(gone, k)
		}
	}
	slices.SortFunc(gone, flow.ProcessKey.Compare)
	for _, k := range gone {
		s.told(k, s.people.known[k])
	}
}

// initialPIDs is the pid namespace that every pid here is of (PROC_PID_INIT_INO).
const initialPIDs = "pid:[4026531836]"

// told tells an end that the kernel did not tell.
func (s *Source) told(k flow.ProcessKey, who *person) {
	who.exited = s.now()
	s.emit(&flow.Exit{Time: who.exited, Key: k})
}
