package conntrack

import (
	"errors"
	"net/netip"
	"testing"

	"peerscope/internal/flow"
)

// What could not be told of a namespace that ended is told in the window in which
// it ended, and forgotten with the next.
func TestNamespacesThatEndedAreForgotten(t *testing.T) {
	s, err := New("/proc")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nothing := func(flow.Observation) {}
	for inode := range uint64(100) {
		s.denied[inode], s.absent[inode+1000], s.full[inode] = 7, true, true
		s.Leave(inode, nothing)
		s.Leave(inode+1000, nothing)
	}
	s.fail(7, 50, errors.New("broken"))
	s.Finish(nothing)
	if len(s.Gaps()) != 2 {
		t.Errorf("gaps of the window: %v", s.Gaps())
	}
	s.Take(nothing)
	if n := len(s.denied) + len(s.failed) + len(s.absent) + len(s.full) + len(s.left); n != 0 || s.failure != nil || len(s.Gaps()) != 0 {
		t.Errorf("%d entries are left, gaps %v", n, s.Gaps())
	}
}

func TestServersForgetListenersThatEnded(t *testing.T) {
	s := NewServers("/proc")
	listener := func(cookie flow.SocketCookie, final bool) {
		s.Note(&flow.Socket{Cookie: cookie, Netns: 1, Transport: flow.TCP, State: flow.Listen, Final: final,
			Tuple: flow.Tuple{Local: netip.MustParseAddrPort("0.0.0.0:80")}})
	}
	listener(1, false)
	listener(2, false)
	listener(2, false)
	listener(1, true)
	if s.listening[portOf{1, 80}] != 1 {
		t.Errorf("%v, want the other listener", s.listening)
	}
	listener(2, true)
	if len(s.listening)+len(s.listeners) != 0 {
		t.Errorf("%v and %v are left", s.listening, s.listeners)
	}
}
