package nlsocket_test

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/capture/nlsocket"
)

// linksRequest asks for the links of a namespace, lo among them.
func linksRequest() []byte {
	return append(nlsocket.AppendHeader(nil, unix.RTM_GETLINK), make([]byte, unix.SizeofIfInfomsg)...)
}

func nothing(uint16, []byte) error { return nil }

func dialIn(t *testing.T, n *capturetest.Namespace, protocol int, groups ...uint32) *nlsocket.Conn {
	t.Helper()
	var c *nlsocket.Conn
	capturetest.In(t, n, func() (err error) { c, err = nlsocket.Dial(protocol, groups...); return err })
	t.Cleanup(func() { c.Close() })
	return c
}

// dialDeaths joins the multicast that tells of every TCP socket that dies.
func dialDeaths(t *testing.T, n *capturetest.Namespace) *nlsocket.Conn {
	t.Helper()
	return dialIn(t, n, unix.NETLINK_SOCK_DIAG, unix.SKNLGRP_INET_TCP_DESTROY)
}

func TestDialNamesTheProtocol(t *testing.T) {
	if _, err := nlsocket.Dial(31); !errors.Is(err, unix.EPROTONOSUPPORT) {
		t.Errorf("dial of a protocol that is not there: %v", err)
	}
}

func TestConnectionServesManyRequests(t *testing.T) {
	c := dialIn(t, capturetest.NewNamespace(t), unix.NETLINK_ROUTE)
	c.ShareBuffer(make([]byte, 32<<10))
	for range 3 {
		links := 0
		err := c.Dump(linksRequest(), func(msgType uint16, _ []byte) error {
			if msgType == unix.RTM_NEWLINK {
				links++
			}
			return nil
		})
		if err != nil || links == 0 {
			t.Fatalf("%d links, error %v", links, err)
		}
	}
}

func TestAnswerThatDoesNotFitIsAnError(t *testing.T) {
	c := dialIn(t, capturetest.NewNamespace(t), unix.NETLINK_ROUTE)
	c.ShareBuffer(make([]byte, 100))
	if err := c.Dump(linksRequest(), nothing); !errors.Is(err, nlsocket.ErrTruncated) {
		t.Errorf("dump into a small buffer: %v, want %v", err, nlsocket.ErrTruncated)
	}
}

func TestWaitEndsAtDeadlineAndAtClose(t *testing.T) {
	c := dialDeaths(t, capturetest.NewNamespace(t))
	c.SetDeadline(time.Now().Add(10 * time.Millisecond))
	if _, _, err := c.Receive(nothing); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("wait past the deadline: %v", err)
	}
	c.SetDeadline(time.Time{})
	time.AfterFunc(10*time.Millisecond, func() { c.Close() })
	if _, _, err := c.Receive(nothing); !errors.Is(err, os.ErrClosed) {
		t.Errorf("wait on a connection that is closed: %v", err)
	}
}

func TestPollDoesNotWait(t *testing.T) {
	n := capturetest.NewNamespace(t)
	c := dialDeaths(t, n)
	// Without a deadline: a poll that waits hangs.
	if more, overrun, err := c.Poll(nothing); more || overrun || err != nil {
		t.Errorf("poll of nothing: more %v, overrun %v, error %v", more, overrun, err)
	}
	die(t, n, 1)
	taken := 0
	if _, _, err := c.Poll(func(uint16, []byte) error { taken++; return nil }); err != nil || taken != 2 {
		t.Errorf("poll took %d deaths, want 2; error %v", taken, err)
	}
}

// The root of a container can send to the sockets of its own namespace. What
// does not come from the kernel must not be believed.
func TestMessagesOfOtherProcessesAreIgnored(t *testing.T) {
	n := capturetest.NewNamespace(t)
	c := dialDeaths(t, n)
	var port uint32
	err := c.Control(func(fd int) error {
		name, err := unix.Getsockname(fd)
		if err == nil {
			port = name.(*unix.SockaddrNetlink).Pid
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	capturetest.In(t, n, func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		forged := append(nlsocket.AppendHeader(nil, unix.SOCK_DIAG_BY_FAMILY), make([]byte, 72)...)
		binary.NativeEndian.PutUint32(forged, uint32(len(forged)))
		return unix.Sendto(fd, forged, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Pid: port})
	})
	taken := 0
	c.SetDeadline(time.Now().Add(50 * time.Millisecond))
	_, _, err = c.Receive(func(uint16, []byte) error { taken++; return nil })
	if err != nil || taken != 0 {
		t.Errorf("took %d forged messages, error %v", taken, err)
	}
}

func TestOverrunIsReportedAndPasses(t *testing.T) {
	n := capturetest.NewNamespace(t)
	c := dialDeaths(t, n)
	if _, err := c.SetReceiveBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	// take reads until there is nothing more.
	take := func() (taken int, overrun bool) {
		for {
			c.SetDeadline(time.Now().Add(50 * time.Millisecond))
			_, o, err := c.Receive(func(uint16, []byte) error { taken++; return nil })
			overrun = overrun || o
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return taken, overrun
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	die(t, n, 100)
	taken, overrun := take()
	if !overrun || taken == 0 || taken >= 200 {
		t.Errorf("after 200 deaths into a buffer for less: took %d, overrun %v", taken, overrun)
	}
	die(t, n, 2)
	if taken, overrun = take(); overrun || taken != 4 {
		t.Errorf("after the overrun: took %d deaths, want 4; overrun %v", taken, overrun)
	}
}

func TestReceiveBufferGrows(t *testing.T) {
	c := dialIn(t, capturetest.NewNamespace(t), unix.NETLINK_SOCK_DIAG)
	for _, n := range []int{1 << 20, 64 << 20} { // the second is above what net.core.rmem_max is anywhere
		if got, err := c.SetReceiveBuffer(n); err != nil || got < n {
			t.Errorf("SetReceiveBuffer(%d) = %d, %v", n, got, err)
		}
	}
}

// die makes connections, both ends of each die, and it waits until the kernel,
// which tells of deaths in a work queue, has told of all of them: that is seen on
// another connection with room for all. The listener stays open.
func die(t *testing.T, n *capturetest.Namespace, connections int) {
	t.Helper()
	l := capturetest.Listen(t, n, "127.0.0.1:0")
	witness := dialDeaths(t, n)
	if _, err := witness.SetReceiveBuffer(8 << 20); err != nil {
		t.Fatal(err)
	}
	for range connections {
		client, server := capturetest.Connect(t, n, l)
		client.Close()
		server.Close()
	}
	witness.SetDeadline(time.Now().Add(5 * time.Second))
	for told := 0; told < 2*connections; {
		if _, _, err := witness.Receive(func(uint16, []byte) error { told++; return nil }); err != nil {
			t.Fatalf("%d of %d deaths were told: %v", told, 2*connections, err)
		}
	}
	time.Sleep(10 * time.Millisecond) // one message goes to one listener after the other
}
