package conntrack

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
)

func TestTableRows(t *testing.T) {
	got := map[flow.Tuple]uint64{}
	tableRows(`  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:CC26 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0000000000000000 20 4 0 10 -1
   2: 0100007F:1F90 0100007F:CC27 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0000000000000000
   3: nonsense
   4: 0000000000000000FFFF00000100000A:1F90 0000000000000000FFFF00000200000A:0FA0 01 0:0 00:0 0 0 0 13 1 0 20 4 0 10 -1
   5: 0000000000000000000000000100000:1F90 00000000000000000000000001000000:0FA0 01 0:0 00:0 0 0 0 14 1 0 20 4 0 10 -1
`, got)
	parse := netip.MustParseAddrPort
	want := map[flow.Tuple]uint64{
		{Local: parse("127.0.0.1:8080"), Peer: parse("127.0.0.1:52262")}: 12,
		{Local: parse("10.0.0.1:8080"), Peer: parse("10.0.0.2:4000")}:    13,
	}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for k, inode := range want {
		if got[k] != inode {
			t.Errorf("%v: inode %d, want %d", k, got[k], inode)
		}
	}
}

func FuzzTableRows(f *testing.F) {
	f.Add("1: 0100007F:1F90 0100007F:CC26 01 0:0 00:0 0 0 0 12 1\n")
	f.Fuzz(func(t *testing.T, text string) { tableRows(text, map[flow.Tuple]uint64{}) })
}

func FuzzSockaddr(f *testing.F) {
	f.Add([]byte{2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := sockaddr(b); err == nil && !a.IsValid() {
			t.Errorf("%x is %v", b, a)
		}
	})
}

// serveOnce accepts one connection, says which socket that is, and waits.
func serveOnce() {
	l, err := net.Listen("tcp4", "127.0.0.1:8080")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("ready")
	c, err := l.Accept()
	if err != nil {
		fmt.Println(err)
		return
	}
	raw, _ := c.(*net.TCPConn).SyscallConn()
	_ = raw.Control(func(fd uintptr) {
		cookie, _ := unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE)
		fmt.Println(cookie)
	})
	bufio.NewReader(os.Stdin).ReadString('\n')
}

func TestServersAreAskedWhereTheTableCannotBeRead(t *testing.T) {
	if os.Getenv("PEERSCOPE_SERVE") == "1" {
		serveOnce()
		return
	}
	n := translating(t, redirects)
	c := exec.Command("/proc/self/exe", "-test.run", "^TestServersAreAskedWhereTheTableCannotBeRead$")
	c.Env = append(os.Environ(), "PEERSCOPE_SERVE=1")
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	capturetest.In(t, n, c.Start)
	t.Cleanup(func() { stdin.Close(); c.Wait() })
	said := bufio.NewReader(stdout)
	if line, err := said.ReadString('\n'); line != "ready\n" {
		t.Fatalf("the server said %q, %v", line, err)
	}
	var client net.Conn
	capturetest.In(t, n, func() (err error) { client, err = net.Dial("tcp4", "127.0.0.1:80"); return err })
	defer client.Close()
	line, err := said.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var cookie flow.SocketCookie
	if _, err := fmt.Sscan(strings.TrimSpace(line), &cookie); err != nil {
		t.Fatal(err)
	}

	local, peer := netip.MustParseAddrPort("127.0.0.1:8080"), netip.MustParseAddrPort(client.LocalAddr().String())
	pid := int32(c.Process.Pid)
	holder := flow.ProcessKey{PID: pid, Start: startOf(fmt.Sprintf("/proc/%d", pid))}
	f := func(name string, id flow.NetnsID, change func(*flow.Socket), want int) {
		t.Helper()
		servers := NewServers("/proc")
		servers.Note(&flow.Socket{Netns: id, Transport: flow.TCP, State: flow.Listen, Tuple: flow.Tuple{Local: local}})
		o := &flow.Socket{Netns: id, Cookie: cookie, Transport: flow.TCP, State: flow.Established,
			Tuple: flow.Tuple{Local: local, Peer: peer}, Holders: []flow.ProcessKey{holder}}
		change(o)
		servers.Note(o)
		s := newSource(t)
		s.AskServers(servers)
		s.denied[n.Inode] = 7
		var got told
		s.Finish(got.emit)
		if len(got.list) != want {
			t.Errorf("%s: told %+v, want %d", name, got.list, want)
		}
		if want == 1 && (got.list[0].Original != flow.Tuple{Local: peer, Peer: netip.MustParseAddrPort("127.0.0.1:80")} ||
			got.list[0].Reply != flow.Tuple{Local: local, Peer: peer}) {
			t.Errorf("%s: told %+v", name, got.list[0])
		}
	}
	f("redirected", 7, func(*flow.Socket) {}, 1)
	f("of a namespace whose table is read", 8, func(*flow.Socket) {}, 0)
	f("over", 7, func(o *flow.Socket) { o.Final = true }, 0)
	f("another socket", 7, func(o *flow.Socket) { o.Cookie++ }, 0)
	f("another process with its pid", 7, func(o *flow.Socket) { o.Holders = []flow.ProcessKey{{PID: pid, Start: 1}} }, 0)
	f("a client's", 7, func(o *flow.Socket) { o.Local = netip.MustParseAddrPort("127.0.0.1:1") }, 0)
}
