package ebpf

import (
	"net/netip"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peerscope/internal/flow"
)

func bytesOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// TestLayouts: the sizes on which the two sides agree, and no padding of the
// compiler's own that the programs would leave unset.
func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"tcp_record", unsafe.Sizeof(peerscopeTcpRecord{}), 184},
		{"unix_record", unsafe.Sizeof(peerscopeUnixRecord{}), 352},
		{"process_record", unsafe.Sizeof(peerscopeProcessRecord{}), 1224},
		{"flow_key", unsafe.Sizeof(peerscopeFlowKey{}), 32},
		{"flow_value", unsafe.Sizeof(peerscopeFlowValue{}), 104},
		{"unix_value", unsafe.Sizeof(peerscopeUnixValue{}), 368},
		{"the head of an exit", unsafe.Sizeof(exitRecord{}), exitSize},
	} {
		if c.got != c.want {
			t.Errorf("%s has %d bytes, want %d", c.name, c.got, c.want)
		}
	}
}

func TestSocket(t *testing.T) {
	c := clock{offset: 1_000_000}
	client := peerscopeTcpRecord{
		Kind: kindTCP, State: uint8(flow.FinWait2), Time: 500, Cookie: 7, Netns: 3, NetnsInode: 9, Generation: 2, Opened: 100,
		Local: netip.MustParseAddr("::ffff:10.0.0.1").As16(), Peer: netip.MustParseAddr("fd00::2").As16(), LocalPort: 4000, PeerPort: 80,
		Flags:    flagCalled | flagEstablished | flagSequence | flagFinal | flagFINAcked | flagFINReceived,
		SendBase: 11, RecvBase: 22, BytesSent: 100, BytesAcked: 102, BytesReceived: 51, RttUs: 40, ConnectUs: 90, Retransmits: 1, Error: 104,
	}
	var got flow.Socket
	c.socket(&client, &got)
	want := flow.Socket{
		Time: 1_000_500, Cookie: 7, Generation: 2, Netns: 3, Transport: flow.TCP, State: flow.FinWait2, Opened: 1_000_100,
		Tuple: flow.Tuple{Local: netip.MustParseAddrPort("10.0.0.1:4000"), Peer: netip.MustParseAddrPort("[fd00::2]:80")},
		Final: true, Connected: true, First: flow.Client, HasSequence: true, Sequence: flow.Sequence{SendBase: 11, RecvBase: 22},
		HasCounters: true, Exact: true,
		// Both FINs are off; the SYN stays, since this end connected.
		Counters: flow.Counters{BytesSent: 100, BytesAcked: 101, BytesReceived: 50, RTT: 40, Connect: 90, Retransmits: 1},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("a client's end (-want +got):\n%s", diff)
	}

	refused := peerscopeTcpRecord{Kind: kindTCP, State: uint8(flow.SynSent), Flags: flagCalled | flagFinal, Error: 111, NetnsInode: 5}
	c.socket(&refused, &got)
	if got.Errno != "ECONNREFUSED" || got.Connected || got.Netns != 5|1<<63 {
		t.Errorf("a refused connect: errno %q, connected %v, netns %#x", got.Errno, got.Connected, got.Netns)
	}
	if got.Counters.BytesAcked != 0 || got.Counters.BytesReceived != 0 {
		t.Errorf("a refused connect has counted %+v", got.Counters)
	}

	kernel := peerscopeTcpRecord{Kind: kindTCP, Flags: flagKernel}
	if c.socket(&kernel, &got); !got.Kernel {
		t.Error("a socket that the kernel made for itself is not the kernel's")
	}
	kernel.Owner = 5
	if c.socket(&kernel, &got); got.Kernel {
		t.Error("a socket that a process uses is the kernel's")
	}

	listener := peerscopeTcpRecord{Kind: kindListener, Unacked: 3, NotSent: 128, Flags: flagV6Only}
	c.socket(&listener, &got)
	if got.State != flow.Listen || got.Backlog != 3 || got.Limit != 128 || !got.V6Only || got.HasCounters {
		t.Errorf("a listener: %+v", got)
	}
}

func TestProcessKey(t *testing.T) {
	// 2,524.72 seconds after boot, as /proc/PID/stat writes it.
	if got, want := processKey(42, 2_524_729_999_999), (flow.ProcessKey{PID: 42, Start: 252472}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := processKey(0, 77); !got.IsZero() {
		t.Errorf("no process has the key %v", got)
	}
}

func TestExePath(t *testing.T) {
	names := [][64]uint8{{'n', 'g', 'i', 'n', 'x'}, {'s', 'b', 'i', 'n'}, {'u', 's', 'r'}}
	if got := exePath(names); got != "/usr/sbin/nginx" {
		t.Errorf("the path is %q", got)
	}
	if got := exePath(nil); got != "" {
		t.Errorf("an unknown path is %q", got)
	}
}

// FuzzTake: no record, whole or cut, makes the source fail in another way than
// by an error.
func FuzzTake(f *testing.F) {
	f.Add(bytesOf(&peerscopeTcpRecord{Kind: kindTCP, Flags: flagFinal, Owner: 1, Local: [16]uint8{10: 0xff, 11: 0xff, 12: 127}}))
	f.Add(bytesOf(&peerscopeTcpRecord{Kind: kindListener, Owner: 1}))
	f.Add(bytesOf(&peerscopeTcpRecord{Kind: kindHandover, Owner: 1, Holder: 2}))
	f.Add(bytesOf(&peerscopeTcpRecord{Kind: kindHolder, Owner: 1, State: uint8(flow.Close)}))
	f.Add(bytesOf(&peerscopeTcpRecord{Kind: kindUDP, Owner: 1, LocalPort: 53}))
	f.Add(bytesOf(&peerscopeUnixRecord{Kind: kindUnix, Owner: 1, PathLen: 200, Path: [128]uint8{0, 'x'}}))
	f.Add(bytesOf(&peerscopeProcessRecord{Kind: kindProcess, Pid: 1, ArgsLen: 600}))
	f.Add(bytesOf(&exitRecord{Kind: kindExit, Pid: 1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := testSource(func(flow.Observation) {})
		// The ring and seq_file align what they give.
		aligned := make([]uint64, len(b)/8+1)
		copied := unsafe.Slice((*byte)(unsafe.Pointer(&aligned[0])), len(b))
		copy(copied, b)
		if err := s.take(copied); err == nil {
			if _, size := kindOf(b); size == 0 || size > len(b) {
				t.Errorf("%d bytes of kind %v were taken", len(b), b[:min(2, len(b))])
			}
		}
		s.seenDatagrams()
		s.seenLocals()
		s.tellListeners()
		s.tellDatagrams()
		s.tellLocals()
	})
}

// nobody knows no process.
type nobody struct{}

func (nobody) Process(pid int32, now flow.Time) (flow.Process, error) {
	return flow.Process{Time: now, Key: flow.ProcessKey{PID: pid}}, nil
}

func (nobody) Sighted(s Sighting, now flow.Time) flow.Process {
	return flow.Process{Time: now, Key: flow.ProcessKey{PID: s.PID, Start: s.Start}, Name: s.Comm, CommandLine: string(s.Args)}
}

// testSource takes records without a kernel.
func testSource(emit func(flow.Observation)) *Source {
	s := newSource(Config{Processes: nobody{}, Emit: emit})
	s.look = newLooking(2)
	s.started = 1
	return s
}
