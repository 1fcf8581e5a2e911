package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"peerscope/internal/capture/capturetest"
)

// notified is the socket on which systemd listens to a service.
type notified struct {
	t    *testing.T
	conn *net.UnixConn
	name string
}

func listenNotified(t *testing.T) *notified {
	t.Helper()
	dir, err := os.MkdirTemp("", "ps") // the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	n := &notified{t: t, name: filepath.Join(dir, "n")}
	if n.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: n.name, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.conn.Close(); os.RemoveAll(dir) })
	return n
}

// next is what comes next, but for signs of life unless they are asked for.
func (n *notified) next(alive bool) string {
	n.t.Helper()
	buf := make([]byte, 4096)
	for {
		if err := n.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			n.t.Fatal(err)
		}
		size, err := n.conn.Read(buf)
		if err != nil {
			n.t.Fatalf("systemd is told nothing: %v", err)
		}
		if text := string(buf[:size]); alive == (text == "WATCHDOG=1") {
			return text
		}
	}
}

// TestServeTellsSystemd when it observes, that its loop turns, when it reads its
// configuration again and when it ends.
func TestServeTellsSystemd(t *testing.T) {
	capturetest.RequireRoot(t)
	n, ns, dir := listenNotified(t), capturetest.NewNamespace(t), t.TempDir()
	defer ns.Name(t, dir, "ns")()
	t.Setenv("NOTIFY_SOCKET", n.name)
	s := startServe(t, "--no-history", "--netns", filepath.Join(dir, "ns"), "--source", "netlink")
	if got := n.next(false); got != "READY=1" {
		t.Errorf("first it says %q", got)
	}
	s.until("the log of it", func() bool { return strings.Contains(s.said.String(), "msg=observing") })
	if got := n.next(true); got != "WATCHDOG=1" {
		t.Errorf("of its loop it says %q", got)
	}
	if err := s.c.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if got := n.next(false); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("on SIGHUP it says %q", got)
	}
	if got := n.next(false); got != "READY=1" {
		t.Errorf("when that is done it says %q", got)
	}
	s.stop()
	if got := n.next(false); got != "STOPPING=1" {
		t.Errorf("at its end it says %q", got)
	}
}

// TestServeHelpHasTheWordsToChooseFrom, those of each flag that has some.
func TestServeHelpHasTheWordsToChooseFrom(t *testing.T) {
	out, err := program("serve", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for flag, words := range map[string]string{"--source": "auto, ebpf, netlink", "--log-format": "text, json", "--log-level": "debug, info, warn, error"} {
		if !strings.Contains(string(out), words) {
			t.Errorf("%s: its help has no %q", flag, words)
		}
	}
}
