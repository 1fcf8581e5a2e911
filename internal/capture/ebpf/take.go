package ebpf

import (
	"fmt"

	"peerscope/internal/flow"
)

// take is where every record goes, from the ring and from looks.
func (s *Source) take(b []byte) error {
	kind, size := kindOf(b)
	if size == 0 || len(b) < size {
		return fmt.Errorf("a record of kind %d with %d bytes: the programs and this binary do not fit each other", kind, len(b))
	}
	switch kind {
	case kindTCP:
		return with(b, s.connection)
	case kindListener:
		return with(b, s.listener)
	case kindHandover:
		return with(b, s.handedOver)
	case kindHolder:
		return with(b, s.oneMoreHolder)
	case kindUDP, kindUnix:
		switch {
		case !s.look.on: // only looks tell of it
		case kind == kindUDP:
			return with(b, s.udpSocket)
		default:
			return with(b, s.unixSocket)
		}
	case kindProcess:
		return with(b, s.sighted)
	case kindExit:
		return with(b, s.exited)
	}
	return nil
}

func with[T any](b []byte, f func(*T)) error {
	r, err := view[T](b)
	if err == nil {
		f(r)
	}
	return err
}

// exitRecord is the head of a process record.
type exitRecord struct {
	Kind        uint16
	Status      uint16 // as wait(2) tells it
	Pid         uint32
	Start, Time uint64
}

// connection takes a connection as it is, or its end.
func (s *Source) connection(r *peerscopeTcpRecord) {
	if s.look.on && r.Holder != 0 && (r.Flags&flagShared != 0 || s.look.shared[r.Cookie] != nil) {
		hold(s.look.shared, r, s.holder(r.Holder, r.HolderStart))
		return
	}
	s.tellConnection(r, s.holder(r.Owner, r.OwnerStart))
}

func (s *Source) tellConnection(r *peerscopeTcpRecord, holders []flow.ProcessKey) {
	if s.started == 0 && r.Flags&flagFinal != 0 && r.Flags&flagAdopted == 0 {
		return // it began and ended before the window
	}
	s.totals.told(r)
	if r.Flags&flagFinal == 0 {
		s.sockets++
	}
	if !s.hold(r, holders) {
		s.tellTCP(r, holders)
	}
}

func (s *Source) tellTCP(r *peerscopeTcpRecord, holders []flow.ProcessKey) {
	s.met(r.Netns, r.NetnsInode)
	s.clock.socket(r, &s.out)
	if s.started == 0 && !s.out.Final {
		s.out.Adopted = true
	}
	s.out.Holders = holders
	s.emit(&s.out)
}

// listener takes a socket that waits for connections.
func (s *Source) listener(r *peerscopeTcpRecord) {
	s.met(r.Netns, r.NetnsInode)
	holder := s.holder(r.Owner, r.OwnerStart)
	if s.look.on {
		hold(s.look.listeners, r, holder)
		return
	}
	s.clock.socket(r, &s.out)
	if !s.out.Final {
		s.out.After = s.out.Time // it begins to listen
	}
	s.out.Holders = holder
	s.emit(&s.out)
}

// handedOver takes a change of hands, with what was counted before.
func (s *Source) handedOver(r *peerscopeTcpRecord) {
	from, to := s.holder(r.Owner, r.OwnerStart), s.holder(r.Holder, r.HolderStart)
	if len(from) == 0 || len(to) == 0 {
		return
	}
	s.tellHandover(r, from[0])
	if s.look.on { // it stands for the connection itself, too
		r.Kind = kindTCP
		s.tellConnection(r, to)
	}
}

func (s *Source) tellHandover(r *peerscopeTcpRecord, from flow.ProcessKey) {
	s.releaseOf(r.Cookie)
	s.handover = flow.Handover{Time: s.clock.time(r.Time), Cookie: flow.SocketCookie(r.Cookie), Generation: r.Generation,
		From: from, Counters: counters(r), Exact: true}
	s.emit(&s.handover)
}

// oneMoreHolder takes another process that holds a connection; of one that is
// over, who had it.
func (s *Source) oneMoreHolder(r *peerscopeTcpRecord) {
	holder := s.holder(r.Owner, r.OwnerStart)
	if len(holder) == 0 {
		return
	}
	if r.State != uint8(flow.Close) {
		if h := s.look.shared[r.Cookie]; h != nil {
			h.holders = append(h.holders, holder...)
		}
		return
	}
	s.releaseOf(r.Cookie)
	s.clock.socket(r, &s.out)
	s.out.Final, s.out.Connected = true, true
	s.out.Holders = holder
	s.emit(&s.out)
}
