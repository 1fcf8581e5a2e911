package main

import (
	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

// sendTo sends one datagram to c.Addr from a socket that is not connected. A
// socket that is not there yet is made, and bound by the kernel as it sends.
func (a *actor) sendTo(c script.Command, f *script.Fact) error {
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
	}
	if answer(f, unix.Sendto(fd, make([]byte, c.Bytes), unix.MSG_NOSIGNAL, sa)) {
		f.Bytes = c.Bytes
	}
	names(fd, f)
	return nil
}

// receiveFrom takes one datagram and reports who sent it, if it asks.
func receiveFrom(fd int, c script.Command, f *script.Fact) error {
	if err := ready(fd, unix.POLLIN, c.TimeoutMS); err != nil {
		return err
	}
	buf := make([]byte, chunk)
	var n int
	var from unix.Sockaddr
	var err error
	if c.Via == script.ByRead {
		n, err = unix.Read(fd, buf)
	} else {
		n, from, err = unix.Recvfrom(fd, buf, 0)
	}
	if !answer(f, err) {
		return nil
	}
	names(fd, f)
	f.Bytes = int64(n)
	if from != nil {
		f.Peer = text(from)
	}
	return nil
}
