package netlink

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

// From include/uapi/linux/unix_diag.h; golang.org/x/sys has none of it.
const (
	unixRequestLen = 24 // struct unix_diag_req
	unixMessageLen = 16 // struct unix_diag_msg

	unixShowName  = 0x01
	unixShowPeer  = 0x04
	unixShowIcons = 0x08
	unixShowRQLen = 0x10
	unixShowUID   = 0x40 // since Linux 5.3; older kernels ignore it

	unixDiagName  = 0
	unixDiagPeer  = 2
	unixDiagIcons = 3
	unixDiagRQLen = 4
	unixDiagUID   = 7
)

// unixSocket is what the kernel says of one unix socket.
type unixSocket struct {
	Inode  uint64
	Cookie flow.SocketCookie
	Type   flow.UnixType
	State  flow.State // Listen, Established or Close
	// Path is the bound name as text, see flow.UnixName. An accepted socket carries
	// its listener's.
	Path string
	// Peer is the inode of the other end; 0: none, not accepted yet, or gone.
	Peer uint64
	// Waiting are the inodes of clients that this listener has not accepted. A 0
	// is one that has closed meanwhile. Valid until the next socket.
	Waiting []uint64
	// RQueue and WQueue are bytes not read and not taken by the peer (of a
	// datagram socket RQueue is the first datagram only). Of a listener:
	// connections that wait for accept, and how many may.
	RQueue, WQueue uint32
	UID            uint32
	HasUID         bool
}

// appendUnixRequest appends the request for all unix sockets of the namespace.
func appendUnixRequest(b []byte) []byte {
	b = nlsocket.AppendHeader(b, unix.SOCK_DIAG_BY_FAMILY)
	start := len(b)
	b = append(b, make([]byte, unixRequestLen)...)
	q := b[start:]
	q[0] = unix.AF_UNIX
	binary.NativeEndian.PutUint32(q[4:], ^uint32(0)) // all states
	binary.NativeEndian.PutUint32(q[12:], unixShowName|unixShowPeer|unixShowIcons|unixShowRQLen|unixShowUID)
	return b
}

// dumpUnix hands every unix socket of the connection's namespace to each. The
// socket is used again for the next one.
func dumpUnix(c *nlsocket.Conn, each func(*unixSocket) error) error {
	p := unixParser{paths: map[string]string{}}
	s := new(unixSocket)
	err := c.Dump(appendUnixRequest(nil), func(_ uint16, payload []byte) error {
		if err := p.parse(payload, s); err != nil {
			return err
		}
		return each(s)
	})
	if err != nil {
		return fmt.Errorf("dump unix sockets: %w", err)
	}
	return nil
}

// unixParser keeps the names of one dump: every accepted socket repeats its
// listener's, and so costs no allocation.
type unixParser struct {
	paths map[string]string // raw name to text
}

// parse reads a unix_diag_msg and its attributes over what s held.
func (p *unixParser) parse(payload []byte, s *unixSocket) error {
	if len(payload) < unixMessageLen {
		return fmt.Errorf("unix_diag message of %d bytes: %w", len(payload), nlsocket.ErrTruncated)
	}
	*s = unixSocket{Waiting: s.Waiting[:0]}
	s.Type = flow.UnixType(payload[1])
	s.State = flow.State(payload[2])
	s.Inode = uint64(binary.NativeEndian.Uint32(payload[4:]))
	s.Cookie = flow.SocketCookie(uint64(binary.NativeEndian.Uint32(payload[8:])) | uint64(binary.NativeEndian.Uint32(payload[12:]))<<32)
	for b := payload[unixMessageLen:]; ; {
		attrType, value, rest, ok := nlsocket.NextAttribute(b)
		if !ok {
			return nil
		}
		b = rest
		p.attribute(attrType, value, s)
	}
}

func (p *unixParser) attribute(attrType uint16, value []byte, s *unixSocket) {
	switch {
	case attrType == unixDiagName:
		path, known := p.paths[string(value)]
		if !known {
			path = flow.UnixName(value)
			p.paths[string(value)] = path
		}
		s.Path = path
	case attrType == unixDiagPeer && len(value) >= 4:
		s.Peer = uint64(binary.NativeEndian.Uint32(value))
	case attrType == unixDiagIcons:
		for ; len(value) >= 4; value = value[4:] {
			s.Waiting = append(s.Waiting, uint64(binary.NativeEndian.Uint32(value)))
		}
	case attrType == unixDiagRQLen && len(value) >= 8:
		s.RQueue = binary.NativeEndian.Uint32(value)
		s.WQueue = binary.NativeEndian.Uint32(value[4:])
	case attrType == unixDiagUID && len(value) >= 4:
		s.UID, s.HasUID = binary.NativeEndian.Uint32(value), true
	}
}
