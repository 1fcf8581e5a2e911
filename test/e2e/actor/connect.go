package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

// listen binds a socket and, unless it is a datagram socket, listens on it.
func (a *actor) listen(c script.Command, f *script.Fact) error {
	sa, family, err := address(c.Kind, c.Addr)
	if err != nil {
		return err
	}
	fd, err := socket(c.Kind, family)
	if !answer(f, err) {
		return nil
	}
	a.put(c.Sock, fd)
	if family != unix.AF_UNIX {
		if err := prepare(fd, family, c); err != nil {
			return err
		}
	}
	if !answer(f, unix.Bind(fd, sa)) {
		return nil
	}
	if c.Kind != script.UDP && c.Kind != script.UnixDgram {
		backlog := c.Backlog
		if backlog == 0 {
			backlog = 128
		}
		if !answer(f, unix.Listen(fd, backlog)) {
			return nil
		}
	}
	names(fd, f)
	return nil
}

// prepare sets the options that must be set before bind.
func prepare(fd, family int, c script.Command) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fmt.Errorf("set SO_REUSEADDR: %w", err)
	}
	if c.FastOpen && c.Op == script.Listen {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 16); err != nil {
			return fmt.Errorf("set TCP_FASTOPEN: %w", err)
		}
	}
	if c.Transparent {
		if err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1); err != nil {
			return fmt.Errorf("set IP_TRANSPARENT: %w", err)
		}
	}
	if c.Join != "" {
		group, err := netip.ParseAddr(c.Join)
		if err != nil {
			return fmt.Errorf("parse group: %w", err)
		}
		if err := unix.SetsockoptIPMreq(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreq{Multiaddr: group.As4()}); err != nil {
			return fmt.Errorf("join %s: %w", c.Join, err)
		}
	}
	if c.ReusePort {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return fmt.Errorf("set SO_REUSEPORT: %w", err)
		}
	}
	if family == unix.AF_INET6 {
		only := 0
		if c.V6Only {
			only = 1
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return fmt.Errorf("set IPV6_V6ONLY: %w", err)
		}
	}
	return nil
}

// goListen listens the way a Go program does that asks for nothing special.
// The descriptor is duplicated out of the net package, whose own copy is closed.
func (a *actor) goListen(c script.Command, f *script.Fact) error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		return fmt.Errorf("duplicate listener: %w", err)
	}
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return fmt.Errorf("duplicate listener: %w", err)
	}
	_ = file.Close()
	_ = l.Close()
	if err := unix.SetNonblock(fd, false); err != nil {
		return fmt.Errorf("set blocking: %w", err)
	}
	proto, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	f.Multipath = err == nil && proto == unix.IPPROTO_MPTCP
	a.put(c.Sock, fd)
	names(fd, f)
	return nil
}

// accept takes one connection.
func (a *actor) accept(fd int, c script.Command, f *script.Fact) error {
	if c.Op == script.TryAccept {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(p, 0); err != nil || n == 0 {
			answer(f, unix.EAGAIN)
			return nil
		}
	} else if err := ready(fd, unix.POLLIN, c.TimeoutMS); err != nil {
		return err
	}
	n := -1
	err := again(func() (err error) {
		n, _, err = unix.Accept4(fd, unix.SOCK_CLOEXEC)
		return err
	})
	if !answer(f, err) {
		return nil
	}
	a.put(c.As, n)
	names(n, f)
	f.Multipath = multipath(n)
	return nil
}

// connect connects the socket of that name, or a new one. A connect that does
// not block and is not decided in time leaves EINPROGRESS: it is pending.
func (a *actor) connect(c script.Command, f *script.Fact) error {
	sa, family, err := address(c.Kind, c.Addr)
	if err != nil {
		return err
	}
	fd, err := a.get(c.Sock)
	if err != nil {
		if fd, err = socket(c.Kind, family); !answer(f, err) {
			return nil
		}
		a.put(c.Sock, fd)
		if ok, err := bindLocal(fd, c, f); !ok {
			return err
		}
	}
	if c.FastOpen {
		return connectFast(fd, sa, c, f)
	}
	if !c.NonBlocking {
		if answer(f, again(func() error { return unix.Connect(fd, sa) })) {
			f.Multipath = multipath(fd)
		}
		names(fd, f)
		return nil
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return fmt.Errorf("set nonblocking: %w", err)
	}
	err = again(func() error { return unix.Connect(fd, sa) })
	if errors.Is(err, unix.EINPROGRESS) {
		return finish(fd, c, f)
	}
	answer(f, err)
	names(fd, f)
	return unix.SetNonblock(fd, false)
}

// connectFast connects by sending: with data in the SYN, if the kernel has the
// server's cookie, else after the handshake.
func connectFast(fd int, sa unix.Sockaddr, c script.Command, f *script.Fact) error {
	n, err := unix.SendmsgN(fd, make([]byte, c.Bytes), nil, sa, unix.MSG_FASTOPEN|unix.MSG_NOSIGNAL)
	if answer(f, err) {
		f.Bytes = int64(n)
		// It returns before the handshake is complete, and so before there is a peer.
		err = ready(fd, unix.POLLOUT, c.TimeoutMS)
		names(fd, f)
		return err
	}
	return nil
}

// bindLocal sets what must be set before connect; false ends the step.
func bindLocal(fd int, c script.Command, f *script.Fact) (bool, error) {
	if c.SynRetries > 0 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_SYNCNT, c.SynRetries); err != nil {
			return false, fmt.Errorf("set TCP_SYNCNT: %w", err)
		}
	}
	if c.Bind == "" {
		return true, nil
	}
	local, family, err := address(c.Kind, c.Bind)
	if err != nil {
		return false, err
	}
	if family != unix.AF_UNIX {
		if err := prepare(fd, family, c); err != nil {
			return false, err
		}
	}
	return answer(f, unix.Bind(fd, local)), nil
}

// finish waits for the decision on a pending connect. It leaves the socket as
// it is: an error read through SO_ERROR does not clear the socket's addresses,
// unlike the error that a blocking connect returns.
func finish(fd int, c script.Command, f *script.Fact) error {
	defer names(fd, f)
	if ready(fd, unix.POLLOUT, c.TimeoutMS) != nil {
		f.Errno = "EINPROGRESS"
		return nil
	}
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return fmt.Errorf("read SO_ERROR: %w", err)
	}
	if code != 0 {
		f.Errno = unix.ErrnoName(unix.Errno(code))
	} else {
		f.Multipath = multipath(fd)
	}
	return unix.SetNonblock(fd, false)
}

// multipath reports whether fd is an MPTCP connection that did not fall back
// to plain TCP: only such a one has MPTCP_INFO (SOL_MPTCP 284, since 5.16).
func multipath(fd int) bool {
	const solMPTCP, mptcpInfo = 284, 1
	_, err := unix.GetsockoptString(fd, solMPTCP, mptcpInfo)
	return err == nil
}
