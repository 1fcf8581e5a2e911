package main

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

// burst makes c.Count connections, one after the other, none of which is held.
func (a *actor) burst(c script.Command, f *script.Fact) error {
	sa, family, err := address(c.Kind, c.Addr)
	if err != nil {
		return err
	}
	for i := range c.Count {
		fd, err := socket(c.Kind, family)
		if !answer(f, err) {
			return nil
		}
		one := c
		one.Bind = shifted(c.Bind, i)
		if ok, err := bindLocal(fd, one, f); !ok {
			return err
		}
		if err := again(func() error { return unix.Connect(fd, sa) }); err != nil {
			answer(f, err)
			f.Failed++
			_ = unix.Close(fd)
			continue
		}
		names(fd, f)
		received, sent, ok := exchange(fd, c, true)
		f.Count++
		f.Bytes += received
		f.BytesSent += sent
		if !ok {
			return fmt.Errorf("connection %d moved %d and %d bytes", f.Count, sent, received)
		}
		if c.How != "" {
			// The server ends first: wait for its FIN.
			_ = receive(fd, script.Command{Bytes: -1, TimeoutMS: c.TimeoutMS}, &script.Fact{})
		}
		_ = unix.Close(fd)
		if c.PauseUS > 0 {
			time.Sleep(time.Duration(c.PauseUS) * time.Microsecond)
		}
	}
	return nil
}

// shifted is an address with a port that is i higher; empty stays empty.
func shifted(addr string, i int) string {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return addr
	}
	return netip.AddrPortFrom(ap.Addr(), ap.Port()+uint16(i)).String()
}

// ratePeers is how many threads keep the rate: while one waits for its answer
// the others go on.
const ratePeers = 4

// rate makes c.Count connections at c.PerSecond. Each has its time since the
// start, so that what was late is made up for.
func rate(c script.Command, f *script.Fact) error {
	sa, family, err := address(c.Kind, c.Addr)
	if err != nil {
		return err
	}
	period := time.Second / time.Duration(c.PerSecond)
	began := time.Now()
	var next, failed atomic.Int64
	var received, sent atomic.Int64
	var all sync.WaitGroup
	for range ratePeers {
		all.Go(func() {
			in, out := make([]byte, c.Reply), make([]byte, c.Request)
			for i := next.Add(1) - 1; i < int64(c.Count); i = next.Add(1) - 1 {
				time.Sleep(time.Until(began.Add(time.Duration(i) * period)))
				if err := call(c.Kind, family, sa, out, in); err != nil {
					failed.Add(1)
					continue
				}
				received.Add(c.Reply)
				sent.Add(c.Request)
			}
		})
	}
	all.Wait()
	f.Failed = int(failed.Load())
	f.Count = c.Count - f.Failed
	f.Bytes, f.BytesSent = received.Load(), sent.Load()
	return nil
}

// call is one connection with one request and one reply.
func call(kind string, family int, sa unix.Sockaddr, out, in []byte) error {
	fd, err := socket(kind, family)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := again(func() error { return unix.Connect(fd, sa) }); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if n, err := unix.SendmsgN(fd, out, nil, nil, unix.MSG_NOSIGNAL); err != nil || n != len(out) {
		return fmt.Errorf("sent %d of %d bytes: %w", n, len(out), err)
	}
	if n, _, err := unix.Recvfrom(fd, in, unix.MSG_WAITALL); err != nil || n != len(in) {
		return fmt.Errorf("received %d of %d bytes: %w", n, len(in), err)
	}
	return nil
}
