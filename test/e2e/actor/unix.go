package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

// connectRaw is connect(2) with an address that x/sys has no type for.
func connectRaw(fd int, sa *unix.RawSockaddr) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(sa)), unsafe.Sizeof(*sa))
	return errno
}

// socketPair makes two unix sockets that are connected and have no name.
func (a *actor) socketPair(c script.Command, f *script.Fact) error {
	typ := unix.SOCK_STREAM
	switch c.Kind {
	case script.UnixDgram:
		typ = unix.SOCK_DGRAM
	case script.UnixPacket:
		typ = unix.SOCK_SEQPACKET
	}
	two, err := unix.Socketpair(unix.AF_UNIX, typ|unix.SOCK_CLOEXEC, 0)
	if !answer(f, err) {
		return nil
	}
	a.put(c.Sock, two[0])
	a.put(c.As, two[1])
	return nil
}

// give passes a socket to whoever reads the other end of fd, with one byte,
// and keeps its own copy until it is told to close it.
func (a *actor) give(fd int, c script.Command, f *script.Fact) error {
	pass, err := a.get(c.Pass)
	if err != nil {
		return err
	}
	names(pass, f)
	answer(f, unix.Sendmsg(fd, []byte{1}, unix.UnixRights(pass), nil, unix.MSG_NOSIGNAL))
	return nil
}

// take receives one passed socket.
func (a *actor) take(fd int, c script.Command, f *script.Fact) error {
	if err := ready(fd, unix.POLLIN, c.TimeoutMS); err != nil {
		return err
	}
	space := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(fd, make([]byte, 1), space, unix.MSG_CMSG_CLOEXEC)
	if !answer(f, err) {
		return nil
	}
	messages, err := unix.ParseSocketControlMessage(space[:n])
	if err != nil || len(messages) != 1 {
		return fmt.Errorf("parse control message: %d messages: %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return fmt.Errorf("parse rights: %d descriptors: %w", len(fds), err)
	}
	a.put(c.As, fds[0])
	names(fds[0], f)
	return nil
}
