package ebpf

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"peerscope/internal/flow"
)

// datagrams are the pairs of endpoints between which UDP went.
type datagrams struct {
	byKey map[datagramKey]*datagram
	// adopted are the sockets that were there before the observation: what they
	// sent or received first is not known.
	adopted map[uint64]bool
	alive   map[uint64]bool // as of the last look
	// unasked are the sockets that took datagrams without asking who sent them.
	unasked map[uint64]bool
	next    uint64
	touched []*datagram // that something went over since the last time
}

type datagramKey struct {
	cookie uint64
	peer   [16]uint8
	port   uint16
}

type datagram struct {
	// cookie is the pair's own: a socket may have many peers.
	cookie flow.SocketCookie
	value  peerscopeFlowValue
	told   bool // nothing new since it was told last
	known  bool // it was told once
	// unasked: it was told with that.
	unasked bool
	// parts are what each process moved since the last time.
	parts []peerscopeFlowValue
}

func newDatagrams() datagrams {
	return datagrams{byKey: map[datagramKey]*datagram{}, adopted: map[uint64]bool{}, alive: map[uint64]bool{}, unasked: map[uint64]bool{}}
}

// udpSocket takes a UDP socket that a process holds.
func (s *Source) udpSocket(r *peerscopeTcpRecord) {
	s.met(r.Netns, r.NetnsInode)
	hold(s.look.udp, r, s.holder(r.Owner, r.OwnerStart))
}

// seenDatagrams takes over which UDP sockets are there, and tells those that
// wait for anybody.
func (s *Source) seenDatagrams() {
	d := &s.datagrams
	d.alive = map[uint64]bool{}
	for _, cookie := range slices.Sorted(maps.Keys(s.look.udp)) {
		h := s.look.udp[cookie]
		d.alive[cookie] = true
		if s.started == 0 {
			d.adopted[cookie] = true
		}
		if h.record.LocalPort == 0 || h.record.PeerPort != 0 {
			continue
		}
		s.listens++
		s.clock.socket(&h.record, &s.out)
		s.out.Transport, s.out.State = flow.UDP, flow.Close
		s.out.Ephemeral = h.record.Flags&flagEphemeral != 0
		s.out.Holders = h.all()
		s.emit(&s.out)
		s.waits.met(&s.out)
	}
}

// drainFlows takes in what went between sockets without counters.
func (s *Source) drainFlows() error {
	if err := drain(&s.kernel.udp, s.datagram); err != nil {
		return err
	}
	s.settleDatagrams()
	return drain(&s.kernel.unix, s.local)
}

func (s *Source) datagram(k *peerscopeFlowKey, v *peerscopeFlowValue) {
	d := &s.datagrams
	if s.started == 0 {
		d.adopted[k.Cookie] = true // also if the look did not meet it
	}
	if s.started == 0 || v.Last < s.started {
		return // before the window
	}
	s.met(v.Netns, v.NetnsInode)
	if k.PeerPort == 0 { // of nobody in particular
		if v.Received > 0 {
			d.unasked[k.Cookie] = true
		}
		return
	}
	key := datagramKey{k.Cookie, k.Peer, k.PeerPort}
	f := d.byKey[key]
	if f == nil {
		d.next++
		f = &datagram{cookie: flow.SocketCookie(d.next | 1<<63)}
		d.byKey[key] = f
	}
	f.told = false
	if len(f.parts) == 0 {
		d.touched = append(d.touched, f)
	}
	f.parts = append(f.parts, *v)
}

// settleDatagrams adds what each process moved to its flow. Where another one
// used the socket, what was counted before stays with the former.
func (s *Source) settleDatagrams() {
	d := &s.datagrams
	for _, f := range d.touched {
		slices.SortFunc(f.parts, func(a, b peerscopeFlowValue) int {
			return cmp.Or(cmp.Compare(a.Last, b.Last), cmp.Compare(a.Owner, b.Owner))
		})
		for i := range f.parts {
			part, v := &f.parts[i], &f.value
			s.holder(part.Owner, part.OwnerStart)
			from := processKey(v.Owner, v.OwnerStart)
			if !from.IsZero() && part.Owner != 0 && from != processKey(part.Owner, part.OwnerStart) {
				s.handover = flow.Handover{Time: s.clock.time(part.First), Cookie: f.cookie, From: from, Counters: v.counters(), Exact: true}
				s.emit(&s.handover)
			}
			v.add(part)
		}
		f.parts = f.parts[:0]
	}
	d.touched = d.touched[:0]
}

func (v *peerscopeFlowValue) counters() flow.Counters {
	return flow.Counters{BytesSent: v.BytesSent, BytesAcked: v.BytesSent, BytesReceived: v.BytesReceived}
}

// add takes a later part of a flow in.
func (v *peerscopeFlowValue) add(o *peerscopeFlowValue) {
	if v.First == 0 {
		*v = *o
		return
	}
	if o.First < v.First {
		v.First, v.FirstReceived = o.First, o.FirstReceived
	}
	v.BytesSent += o.BytesSent
	v.BytesReceived += o.BytesReceived
	v.Sent += o.Sent
	v.Received += o.Received
	if o.Last >= v.Last && o.Owner != 0 {
		v.Owner, v.OwnerStart = o.Owner, o.OwnerStart
	}
	v.Last = max(v.Last, o.Last)
	v.Local, v.LocalPort, v.Connected, v.Ephemeral = o.Local, o.LocalPort, o.Connected, o.Ephemeral
}

// idle is after what time without a datagram a pair of endpoints is over, where
// windows go on for long: many sockets talk to ever new peers and are never closed.
const idle = flow.Time(time.Minute)

// tellDatagrams tells the pairs as they are now.
func (s *Source) tellDatagrams() {
	d := &s.datagrams
	keys := slices.SortedFunc(maps.Keys(d.byKey), func(a, b datagramKey) int {
		return cmp.Compare(d.byKey[a].cookie, d.byKey[b].cookie)
	})
	ports := s.portsOfDatagrams()
	for _, k := range keys {
		f := d.byKey[k]
		gone := !d.alive[k.cookie] && f.value.Kernel == 0 || s.isIdle(f)
		if f.told && !gone && (f.unasked || !d.unasked[k.cookie]) || ports != nil && s.isAlone(k, f, ports) {
			continue
		}
		f.told, f.known, f.unasked = true, true, f.unasked || d.unasked[k.cookie]
		s.tellDatagram(k, f, gone)
		if gone {
			delete(d.byKey, k)
		}
	}
	maps.DeleteFunc(d.unasked, func(cookie uint64, _ bool) bool { return !d.alive[cookie] })
}

func (s *Source) isIdle(f *datagram) bool {
	return s.cfg.Boundary != nil && s.now()-s.clock.time(f.value.Last) > idle
}

// portsOfDatagrams are the ports that pairs go from and to, if it matters which
// of them have been seen by one end only.
func (s *Source) portsOfDatagrams() map[[2]uint16]bool {
	if !s.pairing.on {
		return nil
	}
	ports := map[[2]uint16]bool{}
	for k, f := range s.datagrams.byKey {
		ports[[2]uint16{f.value.LocalPort, k.port}] = true
	}
	return ports
}

// isAlone: the first datagram of a pair is so young that the other end may have
// counted it in the next window, and has not in this one.
func (s *Source) isAlone(k datagramKey, f *datagram, ports map[[2]uint16]bool) bool {
	return !f.known && f.value.First+patience > s.totals.until && !ports[[2]uint16{k.port, f.value.LocalPort}]
}

func (s *Source) tellDatagram(k datagramKey, f *datagram, gone bool) {
	v := &f.value
	s.out = flow.Socket{
		Time: s.clock.time(v.Last), Cookie: f.cookie, Netns: netnsID(v.Netns, v.NetnsInode), Transport: flow.UDP, State: flow.Established,
		Tuple: flow.Tuple{Local: address(v.Local, v.LocalPort), Peer: address(k.peer, k.port)},
		Scope: v.Scope, Opened: s.clock.time(v.First), Final: gone, Kernel: v.Kernel != 0 && v.Owner == 0,
		HasCounters: true, Exact: true, Unconnected: v.Connected == 0, Ephemeral: v.Ephemeral != 0, Older: s.datagrams.adopted[k.cookie], Unasked: f.unasked,
		Counters: v.counters(), Holders: s.holder(v.Owner, v.OwnerStart),
	}
	s.out.First = flow.Client
	if v.FirstReceived != 0 {
		s.out.First = flow.Server
	}
	s.emit(&s.out)
}
