package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// soOriginalDst is SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST: what the client asked
// for, of the entry that the socket's packets have.
const soOriginalDst = 80

// errAnother is a descriptor that has come to be another socket's.
var errAnother = errors.New("the descriptor is another socket's now")

// askProcess asks the sockets that a process holds for the address that their
// clients asked for. Each is duplicated, asked and closed; nothing else of the
// process is touched (pidfd_getfd, Linux 5.6, needs the right to trace it).
func askProcess(procRoot string, p flow.ProcessKey, list []server, each func(server, netip.AddrPort)) {
	pidfd, err := unix.PidfdOpen(int(p.PID), 0)
	if err != nil {
		return // it has ended
	}
	defer unix.Close(pidfd)
	dir := filepath.Join(procRoot, strconv.Itoa(int(p.PID)))
	if startOf(dir) != p.Start {
		return // another process has its pid
	}
	rows := map[flow.Tuple]uint64{}
	for _, name := range [...]string{"tcp", "tcp6"} {
		if text, err := os.ReadFile(filepath.Join(dir, "net", name)); err == nil {
			tableRows(string(text), rows)
		}
	}
	inodes := map[uint64]server{}
	for _, k := range list {
		if inode := rows[k.Tuple]; inode != 0 {
			inodes[inode] = k
		}
	}
	for fd, k := range descriptors(dir, inodes) {
		if asked, err := originalDestination(pidfd, fd, k); err == nil {
			each(k, asked)
		}
	}
}

// originalDestination asks one socket of a process.
func originalDestination(pidfd, fd int, k server) (netip.AddrPort, error) {
	own, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("duplicate descriptor %d: %w", fd, err)
	}
	defer unix.Close(own)
	cookie, err := unix.GetsockoptUint64(own, unix.SOL_SOCKET, unix.SO_COOKIE)
	if err != nil || flow.SocketCookie(cookie) != k.cookie {
		return netip.AddrPort{}, errAnother
	}
	var buf [unix.SizeofSockaddrInet6]byte
	level := unix.SOL_IP
	if k.Local.Addr().Is6() {
		level = unix.SOL_IPV6
	}
	length := uint32(len(buf))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(own), uintptr(level), soOriginalDst,
		uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&length)), 0)
	if errno != 0 {
		return netip.AddrPort{}, fmt.Errorf("ask for the original destination: %w", errno)
	}
	return sockaddr(buf[:length])
}

// sockaddr reads struct sockaddr_in or sockaddr_in6: the port in network order, at
// the same place in both.
func sockaddr(b []byte) (netip.AddrPort, error) {
	if len(b) >= unix.SizeofSockaddrInet4 {
		port := binary.BigEndian.Uint16(b[2:])
		switch family := binary.NativeEndian.Uint16(b); {
		case family == unix.AF_INET:
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), port), nil
		case family == unix.AF_INET6 && len(b) >= unix.SizeofSockaddrInet6:
			return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])).Unmap(), port), nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("an address of %d bytes", len(b))
}

// startOf is when a process was started, in clock ticks since boot; 0: not known.
// Its name, in brackets, may hold anything.
func startOf(dir string) uint64 {
	b, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0
	}
	text := string(b)
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(f) < 20 {
		return 0
	}
	n, _ := strconv.ParseUint(f[19], 10, 64) // field 22, starttime
	return n
}
