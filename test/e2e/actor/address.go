package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

// address turns the text of a command into a socket address and its family.
func address(kind, text string) (unix.Sockaddr, int, error) {
	switch kind {
	case script.UnixStream, script.UnixPacket, script.UnixDgram:
		// x/sys writes a leading @ as the zero byte of an abstract name.
		return &unix.SockaddrUnix{Name: text}, unix.AF_UNIX, nil
	}
	ap, err := netip.ParseAddrPort(text)
	if err != nil {
		return nil, 0, fmt.Errorf("parse address: %w", err)
	}
	if ap.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}, unix.AF_INET, nil
	}
	sa := &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}
	if zone := ap.Addr().Zone(); zone != "" {
		i, err := net.InterfaceByName(zone)
		if err != nil {
			return nil, 0, fmt.Errorf("find interface %s: %w", zone, err)
		}
		sa.ZoneId = uint32(i.Index)
	}
	return sa, unix.AF_INET6, nil
}

// text is a socket address as facts give it: IPv4-mapped IPv6 as IPv4, without
// the zone (its number is another one in the other namespace).
func text(sa unix.Sockaddr) string {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), uint16(sa.Port)).String()
	case *unix.SockaddrUnix:
		return strings.Replace(sa.Name, "\x00", "@", 1)
	}
	return ""
}

// names records getsockname and getpeername of fd, as far as it has them.
func names(fd int, f *script.Fact) {
	if sa, err := unix.Getsockname(fd); err == nil {
		f.Local = text(sa)
	}
	if sa, err := unix.Getpeername(fd); err == nil {
		f.Peer = text(sa)
	}
}

// socket makes an unnamed socket of a kind.
func socket(kind string, family int) (int, error) {
	typ, proto := unix.SOCK_STREAM, 0
	switch kind {
	case script.TCP, script.UnixStream:
	case script.MPTCP:
		proto = unix.IPPROTO_MPTCP
	case script.UDP, script.UnixDgram:
		typ = unix.SOCK_DGRAM
	case script.UnixPacket:
		typ = unix.SOCK_SEQPACKET
	default:
		return -1, fmt.Errorf("no kind of socket %q", kind)
	}
	return unix.Socket(family, typ|unix.SOCK_CLOEXEC, proto)
}
