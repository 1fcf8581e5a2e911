package main

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

// service accepts from one listener in the background.
type service struct {
	wake [2]int // a pipe whose closing ends the accept loop
	done chan struct{}
	live sync.WaitGroup

	mu     sync.Mutex
	totals script.Fact
}

// serve starts a service and returns.
func (a *actor) serve(fd int, c script.Command) error {
	s := &service{done: make(chan struct{})}
	if err := unix.Pipe2(s.wake[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	a.mu.Lock()
	a.services[c.Sock] = s
	a.mu.Unlock()
	// Several processes may wait on one listener: who loses the race for a
	// connection must not block in accept.
	if err := unix.SetNonblock(fd, true); err != nil {
		return fmt.Errorf("set nonblocking: %w", err)
	}
	if typ, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err == nil && typ == unix.SOCK_DGRAM {
		go s.answer(fd, c)
	} else {
		go s.loop(fd, c)
	}
	return nil
}

// waits waits for the socket; false: the service is to end.
func (s *service) waits(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(s.wake[0])}}
	return again(func() error { _, err := unix.Poll(p, -1); return err }) == nil && p[1].Revents == 0
}

// answer answers each datagram to who sent it.
func (s *service) answer(fd int, c script.Command) {
	defer close(s.done)
	buf, reply := make([]byte, chunk), make([]byte, c.Reply)
	for s.waits(fd) {
		n, from, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			continue
		}
		err = unix.Sendto(fd, reply, unix.MSG_NOSIGNAL, from)
		s.mu.Lock()
		s.totals.Count++
		s.totals.Bytes += int64(n)
		if err == nil {
			s.totals.BytesSent += c.Reply
		} else {
			s.totals.Failed++
		}
		s.mu.Unlock()
	}
}

func (s *service) loop(fd int, c script.Command) {
	defer close(s.done)
	for s.waits(fd) {
		n, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if err != nil {
			continue
		}
		s.live.Add(1)
		go s.talk(n, c)
	}
}

// talk is one connection: a request, a reply, then the end, whose comes first.
func (s *service) talk(fd int, c script.Command) {
	defer s.live.Done()
	got, sent, ok := exchange(fd, c, false)
	for c.Keep && ok {
		var more, back int64
		more, back, ok = exchange(fd, c, false)
		got, sent = got+more, sent+back
	}
	if c.How == "" {
		_ = receive(fd, script.Command{Bytes: -1, TimeoutMS: c.TimeoutMS}, &script.Fact{})
	}
	_ = unix.Close(fd)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.totals.Count++
	s.totals.Bytes += got
	s.totals.BytesSent += sent
	if !ok {
		s.totals.Failed++
	}
}

// exchange moves one request and one reply and reports what was received and
// sent. The client is the one that sends first.
func exchange(fd int, c script.Command, client bool) (received, sent int64, ok bool) {
	var in, out script.Fact
	give := script.Command{Bytes: c.Reply}
	take := script.Command{Bytes: c.Request, TimeoutMS: c.TimeoutMS}
	if client {
		give.Bytes, take.Bytes = take.Bytes, give.Bytes
		_ = send(fd, give, &out)
	}
	err := receive(fd, take, &in)
	if !client {
		_ = send(fd, give, &out)
	}
	return in.Bytes, out.Bytes, err == nil && in.Bytes == take.Bytes && out.Bytes == give.Bytes
}

// stop ends a service once its connections have ended.
func (a *actor) stop(c script.Command, f *script.Fact) error {
	a.mu.Lock()
	s := a.services[c.Sock]
	delete(a.services, c.Sock)
	a.mu.Unlock()
	if s == nil {
		return fmt.Errorf("no service on %q", c.Sock)
	}
	_ = unix.Close(s.wake[1])
	<-s.done
	s.live.Wait()
	_ = unix.Close(s.wake[0])
	f.Count, f.Failed = s.totals.Count, s.totals.Failed
	f.Bytes, f.BytesSent = s.totals.Bytes, s.totals.BytesSent
	return nil
}
