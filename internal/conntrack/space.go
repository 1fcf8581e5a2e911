package conntrack

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

// eventBuffer is how many bytes of messages may wait in a namespace: some
// 10,000, which a second of 5,000 translated connections fill.
const eventBuffer = 8 << 20

// errNoConntrack: the kernel has no connection tracking, or has not loaded it,
// and so rewrites nothing.
var errNoConntrack = errors.New("the kernel tracks no connections")

// space is one network namespace, through sockets that were made inside it.
type space struct {
	id     flow.NetnsID
	inode  uint64
	dumps  *nlsocket.Conn
	events *nlsocket.Conn
	// eventsFD is the descriptor of events, for epoll.
	eventsFD int
	// count is the file with the number of entries; it is of the namespace it
	// was opened in, whoever reads it.
	count *os.File
	limit int  // of entries; 0: not known
	mute  bool // it does not tell of new entries
	fresh bool // not dumped yet
	again bool // messages were lost: to be dumped
	taken bool // dumped by this call
}

// openSpace makes the sockets of the namespace that the calling thread is in.
func openSpace(id flow.NetnsID, inode uint64, procRoot string) (*space, error) {
	s := &space{id: id, inode: inode, fresh: true}
	settings := procRoot + "/sys/net/netfilter/"
	var err error
	// Asked first: a netlink socket for it would make the kernel load it.
	if s.count, err = os.Open(settings + "nf_conntrack_count"); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = errNoConntrack
		}
		return nil, err
	}
	s.limit = readNumber(settings + "nf_conntrack_max")
	events, err := os.ReadFile(settings + "nf_conntrack_events")
	s.mute = err == nil && strings.TrimSpace(string(events)) == "0"
	if s.dumps, err = nlsocket.Dial(unix.NETLINK_NETFILTER); err == nil {
		s.events, err = nlsocket.Dial(unix.NETLINK_NETFILTER, unix.NFNLGRP_CONNTRACK_NEW, unix.NFNLGRP_CONNTRACK_DESTROY)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	_, _ = s.events.SetReceiveBuffer(eventBuffer) // a smaller one only overruns earlier, which is counted
	err = s.events.Control(func(fd int) error {
		s.eventsFD = fd
		_ = keepTranslated(fd) // without it there is only more to read
		return nil
	})
	if err != nil {
		s.close()
		return nil, fmt.Errorf("prepare for new translations: %w", err)
	}
	return s, nil
}

func (s *space) close() {
	s.count.Close()
	for _, c := range [...]*nlsocket.Conn{s.dumps, s.events} {
		if c != nil {
			c.Close()
		}
	}
}

// entries is how many entries there are, translated or not; -1: not known.
func (s *space) entries() int {
	var b [32]byte
	n, err := s.count.ReadAt(b[:], 0)
	if n == 0 && err != nil {
		return -1
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil {
		return -1
	}
	return v
}

// full: the kernel drops what would need a new entry.
func (s *space) full(entries int) bool { return s.limit > 0 && entries >= s.limit }

func readNumber(name string) int {
	b, err := os.ReadFile(name)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}
