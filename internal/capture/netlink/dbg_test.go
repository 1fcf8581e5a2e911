package netlink
import ("testing";"golang.org/x/sys/unix";"os";"bytes")
func BenchmarkDbgEmpty(b *testing.B) {
	h := newNamespace(b)
	c := dialSocketsIn(b, h)
	f := func(name string, r inetRequest) { b.Run(name, func(b *testing.B) { for b.Loop() { if err := c.dumpInet(r, func(*inetSocket) error { return nil }); err != nil { b.Fatal(err) } } }) }
	f("tcp4", inetRequest{Family: unix.AF_INET, Transport: 1, States: liveStates, Info: true})
	f("tcp6", inetRequest{Family: unix.AF_INET6, Transport: 1, States: liveStates, Info: true})
	f("tcp both", inetRequest{Transport: 1, States: liveStates, Info: true})
	f("udp4", inetRequest{Family: unix.AF_INET, Transport: 2, States: liveStates})
	f("udp6", inetRequest{Family: unix.AF_INET6, Transport: 2, States: liveStates})
	b.Run("unix", func(b *testing.B) { for b.Loop() { c.dumpUnix(func(*unixSocket) error { return nil }) } })
	in(b, h, func() error { var f, g *os.File; var err error
		if f, err = os.Open("/proc/thread-self/net/sockstat"); err != nil { return err }
		if g, err = os.Open("/proc/thread-self/net/sockstat6"); err != nil { return err }
		buf := make([]byte, 1024)
		b.Run("sockstat", func(b *testing.B) { for b.Loop() { f.ReadAt(buf, 0); g.ReadAt(buf, 0) } })
		n, _ := f.ReadAt(buf, 0); b.Log(string(bytes.Clone(buf[:n])))
		return nil })
}
