package main

import (
	"fmt"

	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

func shutdown(fd int, c script.Command, f *script.Fact) error {
	how, ok := map[string]int{script.Write: unix.SHUT_WR, script.Read: unix.SHUT_RD, script.Both: unix.SHUT_RDWR}[c.How]
	if !ok {
		return fmt.Errorf("no direction %q", c.How)
	}
	names(fd, f)
	answer(f, unix.Shutdown(fd, how))
	return nil
}

// closeSocket closes, with a RST instead of a FIN if the command is Reset.
func (a *actor) closeSocket(fd int, c script.Command, f *script.Fact) error {
	names(fd, f)
	if c.Op == script.Reset {
		linger := unix.Linger{Onoff: 1, Linger: 0}
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger); err != nil {
			return fmt.Errorf("set SO_LINGER: %w", err)
		}
	}
	answer(f, unix.Close(fd))
	a.drop(c.Sock)
	return nil
}

// disconnect ends the connection of a socket that stays open: the same cookie
// can then carry another one.
func disconnect(fd int, f *script.Fact) error {
	names(fd, f)
	sa := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	errno := connectRaw(fd, &sa)
	if errno != 0 {
		f.Errno = unix.ErrnoName(errno)
	}
	return nil
}

// optionSynData is TCPI_OPT_SYN_DATA of include/uapi/linux/tcp.h.
const optionSynData = 32

// inspect reports addresses, TCP state and unacknowledged bytes.
func inspect(fd int, f *script.Fact) error {
	names(fd, f)
	if tcp, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
		f.State = int(tcp.State)
		f.Acked, f.Wired, f.Again = tcp.Bytes_acked, tcp.Bytes_sent, tcp.Bytes_retrans
		f.SynData = tcp.Options&optionSynData != 0
	}
	if queued, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ); err == nil {
		f.Queued = queued
	}
	f.Multipath = multipath(fd)
	return nil
}
