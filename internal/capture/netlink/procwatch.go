package netlink

import (
	"errors"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// subscribe asks for births and deaths of processes; without them all is as
// well, but names change and namespaces empty unnoticed until the next look.
func (s *Source) subscribe() {
	events, err := dialProcEvents(s.processEvent)
	if err != nil {
		var gap *gapError
		if errors.As(err, &gap) {
			s.emit(&gap.Gap)
		}
		return
	}
	_, _ = events.conn.SetReceiveBuffer(4 << 20)
	err = events.conn.Control(func(fd int) error {
		s.procs.eventsFD = fd
		return unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	})
	if err != nil {
		events.close()
		return
	}
	s.events = events
}

// drainEvents takes the events of processes that wait. A full buffer loses
// nothing that the next look does not bring.
func (s *Source) drainEvents() error {
	for {
		more, _, err := s.events.conn.Poll(s.events.take)
		if err != nil || !more {
			return err
		}
	}
}

func (s *Source) processEvent(e procEvent) {
	if e.thread() {
		return
	}
	switch e.Kind {
	case procExec:
		s.procs.renamed[e.PID] = true
	case procExit:
		delete(s.procs.renamed, e.PID)
		for _, sp := range s.spaces.open {
			if sp.pids[e.PID] {
				delete(sp.pids, e.PID)
				if len(sp.pids) == 0 && !sp.named {
					s.spaces.stale = true
				}
			}
		}
		s.ended(e.PID, &e.ExitCode)
	}
}

// ended tells the exit of a process that was met; status nil: how is not known.
func (s *Source) ended(pid int32, status *uint32) {
	k, met := s.procs.known[pid]
	if !met {
		return
	}
	delete(s.procs.known, pid)
	delete(s.procs.alone, pid)
	e := flow.Exit{Time: s.now(), Key: k}
	if status != nil {
		e.SetStatus(*status)
	}
	s.emit(&e)
}
