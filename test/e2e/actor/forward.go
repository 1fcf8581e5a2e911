package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

// forwarder is a proxy: it takes connections and passes them on by others.
type forwarder struct {
	command script.Command
	pool    chan *leg // of one that shares its connections; nil: each has its own

	mu     sync.Mutex
	relays []*relay
}

// relay is a connection that was taken and the one that it is passed on by;
// either may be missing.
type relay struct {
	in, out  leg
	original string
	errno    string
}

// leg is one of a proxy's connections. Its forwarder's lock guards the facts.
type leg struct {
	fd    int
	facts script.Leg
}

// forward starts a proxy on a listener and returns.
func (a *actor) forward(fd int, c script.Command) error {
	f := &forwarder{command: c}
	if c.Pool > 0 {
		f.pool = make(chan *leg, c.Pool)
		for range c.Pool {
			r := &relay{}
			f.connect(r, c.Addr)
			if r.errno != "" {
				return fmt.Errorf("connect to %s: %s", c.Addr, r.errno)
			}
			f.relays = append(f.relays, r)
			f.pool <- &r.out
		}
	}
	a.mu.Lock()
	a.forwarders[c.Sock] = f
	a.mu.Unlock()
	go f.loop(fd)
	return nil
}

// relays reports what a proxy did until now.
func (a *actor) relays(c script.Command, f *script.Fact) error {
	a.mu.Lock()
	p := a.forwarders[c.Sock]
	a.mu.Unlock()
	if p == nil {
		return fmt.Errorf("no proxy on %q", c.Sock)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.relays {
		f.Relays = append(f.Relays, script.Relay{In: r.in.facts, Out: r.out.facts, Original: r.original, Errno: r.errno})
	}
	return nil
}

func (f *forwarder) loop(fd int) {
	for {
		n := -1
		err := again(func() (err error) {
			n, _, err = unix.Accept4(fd, unix.SOCK_CLOEXEC)
			return err
		})
		if err != nil {
			return
		}
		r := &relay{}
		r.in.open(n)
		f.mu.Lock()
		f.relays = append(f.relays, r)
		f.mu.Unlock()
		if f.pool != nil {
			go f.answer(r)
		} else {
			go f.pass(r)
		}
	}
}

// open notes that a leg's socket is connected.
func (l *leg) open(fd int) {
	var f script.Fact
	names(fd, &f)
	l.fd = fd
	l.facts = script.Leg{Local: f.Local, Peer: f.Peer, Began: time.Now().UnixNano()}
}

// target is where a connection is passed on to.
func (f *forwarder) target(r *relay) (string, error) {
	switch f.command.Via {
	case script.ToOriginal:
		return originalDestination(r.in.fd)
	case script.ToLocal:
		return r.in.facts.Local, nil
	}
	return f.command.Addr, nil
}

// originalDestination is what a redirected connection was dialled to, a struct
// sockaddr_in (SO_ORIGINAL_DST is 80).
func originalDestination(fd int) (string, error) {
	const soOriginalDst = 80
	// The first 16 bytes of the answer, whatever they are called.
	m, err := unix.GetsockoptIPv6Mreq(fd, unix.SOL_IP, soOriginalDst)
	if err != nil {
		return "", fmt.Errorf("read SO_ORIGINAL_DST: %w", err)
	}
	b := m.Multiaddr
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:4])).String(), nil
}

// connect makes the connection onward.
func (f *forwarder) connect(r *relay, to string) {
	var fact script.Fact
	fd, err := f.dial(to, &fact)
	f.mu.Lock()
	defer f.mu.Unlock()
	r.original = to
	switch {
	case err != nil:
		r.errno = err.Error()
	case fact.Errno != "":
		r.errno = fact.Errno
	default:
		r.out.open(fd)
	}
}

func (f *forwarder) dial(to string, fact *script.Fact) (int, error) {
	sa, family, err := address(script.TCP, to)
	if err != nil {
		return -1, err
	}
	fd, err := socket(script.TCP, family)
	if err != nil {
		return -1, err
	}
	if m := f.command.Mark; m != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, m); err != nil {
			return -1, fmt.Errorf("set SO_MARK: %w", err)
		}
	}
	if !answer(fact, again(func() error { return unix.Connect(fd, sa) })) {
		_ = unix.Close(fd)
	}
	return fd, nil
}

// pass joins a connection with one of its own until both directions ended.
func (f *forwarder) pass(r *relay) {
	to, err := f.target(r)
	if err == nil {
		f.connect(r, to)
	} else {
		f.mu.Lock()
		r.errno = err.Error()
		f.mu.Unlock()
	}
	if r.errno != "" {
		f.close(&r.in)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { f.move(&r.in, &r.out) })
	both.Go(func() { f.move(&r.out, &r.in) })
	both.Wait()
	f.close(&r.in)
	f.close(&r.out)
}

// move copies one direction until its end, and passes the end on.
func (f *forwarder) move(from, to *leg) {
	buf := make([]byte, chunk)
	for {
		n := 0
		err := again(func() (err error) {
			n, _, err = unix.Recvfrom(from.fd, buf, 0)
			return err
		})
		if err != nil || n <= 0 || !f.write(to, buf[:n]) {
			break
		}
		f.count(from, int64(n), 0)
	}
	_ = unix.Shutdown(to.fd, unix.SHUT_WR)
}

func (f *forwarder) write(to *leg, data []byte) bool {
	for len(data) > 0 {
		n := 0
		err := again(func() (err error) {
			n, err = unix.SendmsgN(to.fd, data, nil, nil, unix.MSG_NOSIGNAL)
			return err
		})
		if err != nil {
			return false
		}
		f.count(to, 0, int64(n))
		data = data[n:]
	}
	return true
}

func (f *forwarder) count(l *leg, received, sent int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.facts.Received += received
	l.facts.Sent += sent
}

func (f *forwarder) close(l *leg) {
	_ = unix.Close(l.fd)
	f.mu.Lock()
	defer f.mu.Unlock()
	l.facts.Ended = time.Now().UnixNano()
}

// answer takes requests from a client and answers each through one of the
// connections that all clients share.
func (f *forwarder) answer(r *relay) {
	c := f.command
	for f.read(&r.in, c.Request) {
		out := <-f.pool
		ok := f.write(out, make([]byte, c.Request+c.Extra)) && f.read(out, c.Reply)
		f.pool <- out
		if !ok || !f.write(&r.in, make([]byte, c.Reply)) {
			break
		}
	}
	f.close(&r.in)
}

// read takes exactly so many bytes; false: the stream ended before.
func (f *forwarder) read(from *leg, want int64) bool {
	buf := make([]byte, chunk)
	for want > 0 {
		n := 0
		err := again(func() (err error) {
			n, _, err = unix.Recvfrom(from.fd, buf[:min(want, chunk)], 0)
			return err
		})
		if err != nil || n <= 0 {
			return false
		}
		f.count(from, int64(n), 0)
		want -= int64(n)
	}
	return true
}
