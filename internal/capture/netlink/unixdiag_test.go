package netlink

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

func unixLine(s *unixSocket) string {
	return fmt.Sprintf("inode=%d cookie=%d type=%d %v path=%q peer=%d waiting=%d queues=%d,%d uid=%d,%v",
		s.Inode, s.Cookie, s.Type, s.State, s.Path, s.Peer, s.Waiting, s.RQueue, s.WQueue, s.UID, s.HasUID)
}

func TestParseRecordedUnix(t *testing.T) {
	p := unixParser{paths: map[string]string{}}
	capturetest.CheckRecorded(t, "unix_dump", *update, recordUnixDump, func(payload []byte) (string, error) {
		var s unixSocket
		err := p.parse(payload, &s)
		return unixLine(&s), err
	})
}

// checkUnixSockets compares what has an inode in c's namespace.
func checkUnixSockets(t *testing.T, c *nlsocket.Conn, want []unixSocket) {
	t.Helper()
	var got []unixSocket
	err := dumpUnix(c, func(s *unixSocket) error {
		if s.Cookie == 0 {
			t.Errorf("no cookie: %v", unixLine(s))
		}
		// What the process itself has to say is not repeated here, and how much
		// memory waits for the peer depends on the kernel.
		v := *s
		v.Cookie, v.HasUID, v.Waiting = 0, false, slices.Clone(s.Waiting)
		if v.State != flow.Listen {
			v.WQueue = 0
		}
		if v.Inode != 0 {
			got = append(got, v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	byInode := func(a, b unixSocket) int { return int(a.Inode) - int(b.Inode) }
	slices.SortFunc(want, byInode)
	slices.SortFunc(got, byInode)
	if d := cmp.Diff(want, got, cmp.Transformer("empty", func(w []uint64) string { return fmt.Sprint(w) })); d != "" {
		t.Errorf("unix sockets (-want +got):\n%s", d)
	}
}

func TestUnixSocketsOfOneNamespace(t *testing.T) {
	h := capturetest.NewNamespace(t)
	other := dialSocketsIn(t, capturetest.NewNamespace(t))
	c := dialSocketsIn(t, h)
	t.Chdir(t.TempDir())
	var l net.Listener
	var client, waiting net.Conn
	capturetest.In(t, h, func() (err error) {
		if l, err = net.Listen("unix", "s"); err != nil {
			return err
		}
		if client, err = net.Dial("unix", "s"); err != nil {
			return err
		}
		waiting, err = net.Dial("unix", "s")
		return err
	})
	defer l.Close()
	defer client.Close()
	defer waiting.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client.Write([]byte("hello"))

	inode := func(c any) uint64 { return inodeOf(t, c.(syscall.Conn)) }
	checkUnixSockets(t, c, []unixSocket{
		{Inode: inode(l), Type: flow.UnixStream, State: flow.Listen, Path: "s", Waiting: []uint64{inode(waiting)}, RQueue: 1, WQueue: 4096},
		{Inode: inode(client), Type: flow.UnixStream, State: flow.Established, Peer: inode(server)},
		{Inode: inode(waiting), Type: flow.UnixStream, State: flow.Established}, // its peer has no inode yet
		{Inode: inode(server), Type: flow.UnixStream, State: flow.Established, Path: "s", Peer: inode(client), RQueue: 5},
	})
	if err := dumpUnix(other, func(s *unixSocket) error {
		t.Errorf("in another namespace: %v", unixLine(s))
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func FuzzUnixSocket(f *testing.F) {
	for _, p := range capturetest.RecordedPayloads(f, "unix_dump") {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		p := unixParser{paths: map[string]string{}}
		var s unixSocket
		if p.parse(payload, &s) != nil {
			return
		}
		if strings.ContainsFunc(s.Path, func(r rune) bool {
			return r < 0x20 || r == 0x7f || r == 0xfffd && !strings.Contains(string(payload), "\xef\xbf\xbd")
		}) {
			t.Errorf("path %q", s.Path)
		}
	})
}

func BenchmarkParseUnixSocket(b *testing.B) {
	payloads := capturetest.RecordedPayloads(b, "unix_dump")
	p := unixParser{paths: map[string]string{}}
	var s unixSocket
	b.ReportAllocs()
	for b.Loop() {
		for _, payload := range payloads {
			if err := p.parse(payload, &s); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkDumpUnix(b *testing.B) {
	h := capturetest.NewNamespace(b)
	c := dialSocketsIn(b, h)
	const pairs = 2000
	capturetest.In(b, h, func() error {
		for range pairs {
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			b.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
		}
		return nil
	})
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := dumpUnix(c, func(*unixSocket) error { n++; return nil }); err != nil || n != 2*pairs {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(2*pairs), "ns/socket")
}
