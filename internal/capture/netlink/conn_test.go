package netlink

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

func TestAnswersEndAndFail(t *testing.T) {
	refuse := errors.New("refused by the caller")
	f := func(name string, reads [][]byte, wantTaken []string, wantDone bool, want error) {
		t.Helper()
		var got []string
		a := answers{seq: 7, each: func(_ uint16, payload []byte) error {
			if string(payload) == "stop" {
				return refuse
			}
			got = append(got, string(payload))
			return nil
		}}
		for _, b := range reads {
			if err := a.take(b); err != nil {
				a.failed = err
			}
		}
		if d := cmp.Diff(wantTaken, got); d != "" || a.done != wantDone || !errors.Is(a.err(), want) {
			t.Errorf("%s: done %v, want %v; error %v, want %v; payloads (-want +got):\n%s", name, a.done, wantDone, a.err(), want, d)
		}
	}
	data := func(s string) []byte { return rawMessage(20, unix.NLM_F_MULTI, 7, []byte(s)) }
	done := rawMessage(unix.NLMSG_DONE, unix.NLM_F_MULTI, 7, errnoPayload(0))
	f("two reads", [][]byte{append(data("a"), data("b")...), done}, []string{"a", "b"}, true, nil)
	f("not over", [][]byte{data("a")}, []string{"a"}, false, nil)
	f("nothing after the end", [][]byte{append(done, data("a")...)}, nil, true, nil)
	f("acknowledged", [][]byte{rawMessage(unix.NLMSG_ERROR, 0, 7, errnoPayload(0))}, nil, true, nil)
	f("refused", [][]byte{rawMessage(unix.NLMSG_ERROR, 0, 7, errnoPayload(unix.EPERM))}, nil, true, unix.EPERM)
	f("failed halfway", [][]byte{data("a"), rawMessage(unix.NLMSG_DONE, 0, 7, errnoPayload(unix.ENOMEM))}, []string{"a"}, true, unix.ENOMEM)
	f("read to the end after the caller's error", [][]byte{data("a"), data("stop"), data("b"), done}, []string{"a"}, true, refuse)
	f("another request's", [][]byte{rawMessage(20, 0, 6, []byte("old")), done}, nil, true, nil)
	f("another request's end", [][]byte{rawMessage(unix.NLMSG_DONE, 0, 6, nil), data("a"), done}, []string{"a"}, true, nil)
	f("interrupted", [][]byte{rawMessage(20, unix.NLM_F_DUMP_INTR, 7, []byte("a")), done}, []string{"a"}, true, errDumpInterrupted)
	f("interrupted at the end", [][]byte{data("a"), rawMessage(unix.NLMSG_DONE, unix.NLM_F_DUMP_INTR, 7, errnoPayload(0))},
		[]string{"a"}, true, errDumpInterrupted)
	f("no netlink", [][]byte{{1, 2, 3}}, nil, false, errTruncated)
}

func TestDialNamesTheProtocol(t *testing.T) {
	if _, err := dial(31); !errors.Is(err, unix.EPROTONOSUPPORT) {
		t.Errorf("dial of a protocol that is not there: %v", err)
	}
}

func TestConnectionServesManyRequests(t *testing.T) {
	c := dialSocketsIn(t, newNamespace(t))
	c.shareBuffer(make([]byte, 32<<10))
	for range 3 {
		if err := c.dumpInet(inetRequest{Transport: flow.TCP, States: liveStates}, func(*inetSocket) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnswerThatDoesNotFitIsAnError(t *testing.T) {
	h := newNamespace(t)
	l := listenTCP(t, h, "127.0.0.1:0")
	connectTCP(t, h, l)
	c := dialSocketsIn(t, h)
	c.shareBuffer(make([]byte, 100))
	err := c.dumpInet(inetRequest{Transport: flow.TCP, States: liveStates}, func(*inetSocket) error { return nil })
	if !errors.Is(err, errTruncated) {
		t.Errorf("dump into a small buffer: %v, want %v", err, errTruncated)
	}
}

func TestWaitEndsAtDeadlineAndAtClose(t *testing.T) {
	var c *conn
	in(t, newNamespace(t), func() (err error) { c, err = dialDeaths(flow.TCP); return err })
	nothing := func(uint16, []byte) error { return nil }

	c.setDeadline(time.Now().Add(10 * time.Millisecond))
	if _, _, err := c.receive(nothing); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("wait past the deadline: %v", err)
	}
	c.setDeadline(time.Time{})
	time.AfterFunc(10*time.Millisecond, func() { c.close() })
	if _, _, err := c.receive(nothing); !errors.Is(err, os.ErrClosed) {
		t.Errorf("wait on a connection that is closed: %v", err)
	}
}

// The root of a container can send to the sockets of its own namespace. What
// does not come from the kernel must not be believed.
func TestMessagesOfOtherProcessesAreIgnored(t *testing.T) {
	h := newNamespace(t)
	var c *conn
	in(t, h, func() (err error) { c, err = dialDeaths(flow.TCP); return err })
	defer c.close()
	var port uint32
	err := c.control(func(fd int) error {
		name, err := unix.Getsockname(fd)
		if err == nil {
			port = name.(*unix.SockaddrNetlink).Pid
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	in(t, h, func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		forged := rawMessage(unix.SOCK_DIAG_BY_FAMILY, 0, 0, make([]byte, inetMessageLen))
		return unix.Sendto(fd, forged, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Pid: port})
	})
	taken := 0
	c.setDeadline(time.Now().Add(50 * time.Millisecond))
	_, _, err = c.receive(func(uint16, []byte) error { taken++; return nil })
	if err != nil || taken != 0 {
		t.Errorf("took %d forged messages, error %v", taken, err)
	}
}

func TestOverrunIsReportedAndPasses(t *testing.T) {
	h := newNamespace(t)
	l := listenTCP(t, h, "127.0.0.1:0")
	var c *conn
	in(t, h, func() (err error) { c, err = dialDeaths(flow.TCP); return err })
	defer c.close()
	if _, err := c.setReceiveBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	die := func(n int) {
		for range n {
			client, server := connectTCP(t, h, l)
			client.Close()
			server.Close()
		}
		time.Sleep(50 * time.Millisecond) // the kernel tells of deaths in a work queue
	}
	// take reads until there is nothing more.
	take := func() (taken int, overrun bool) {
		for {
			c.setDeadline(time.Now().Add(50 * time.Millisecond))
			_, o, err := c.receive(func(uint16, []byte) error { taken++; return nil })
			overrun = overrun || o
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return taken, overrun
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	die(100)
	taken, overrun := take()
	if !overrun || taken == 0 || taken >= 200 {
		t.Errorf("after 200 deaths into a buffer for less: took %d, overrun %v", taken, overrun)
	}
	die(2)
	if taken, overrun = take(); overrun || taken != 4 {
		t.Errorf("after the overrun: took %d deaths, want 4; overrun %v", taken, overrun)
	}
}

func TestReceiveBufferGrows(t *testing.T) {
	c := dialSocketsIn(t, newNamespace(t))
	for _, n := range []int{1 << 20, 64 << 20} { // the second is above what net.core.rmem_max is anywhere
		if got, err := c.setReceiveBuffer(n); err != nil || got < n {
			t.Errorf("setReceiveBuffer(%d) = %d, %v", n, got, err)
		}
	}
}
