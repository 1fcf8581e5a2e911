package netns

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// IDOf is the name, for the life of the host, of the namespace with that inode:
// its cookie, asked of a socket that is in it (SO_NETNS_COOKIE, since Linux
// 5.14), or, on an older kernel, the inode with the highest bit set.
func IDOf(socket int, inode uint64) (flow.NetnsID, error) {
	cookie, err := unix.GetsockoptUint64(socket, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if errors.Is(err, unix.ENOPROTOOPT) {
		return flow.NetnsID(inode | 1<<63), nil
	}
	if err != nil {
		return 0, fmt.Errorf("read cookie of network namespace %d: %w", inode, err)
	}
	return flow.NetnsID(cookie), nil
}

// idHere is IDOf the calling thread's namespace.
func idHere(inode uint64) (flow.NetnsID, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("read cookie of network namespace %d: %w", inode, err)
	}
	defer unix.Close(fd)
	return IDOf(fd, inode)
}

// describe reads, from inside, the identity of a namespace and what is delivered
// to it. buf is the room for answers, see (*nlsocket.Conn).ShareBuffer.
func describe(h *Handle, buf []byte) (flow.Namespace, error) {
	out := flow.Namespace{Inode: h.Inode, Name: h.Name}
	err := h.Do(func() error {
		c, err := DialRoutes()
		if err != nil {
			return err
		}
		defer c.Close()
		c.ShareBuffer(buf)
		err = c.Control(func(fd int) error {
			var err error
			out.ID, err = IDOf(fd, h.Inode)
			return err
		})
		if err != nil {
			return err
		}
		routes, err := ReadLocalRoutes(c)
		out.Local, out.Broadcast = routes.Local, routes.Broadcast
		return err
	})
	return out, err
}
