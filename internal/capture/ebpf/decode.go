package ebpf

import (
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// The flags and kinds of records under shorter names (record.h).
const (
	flagCalled      = uint32(peerscopeRecordFlagsFLAG_CALLED)
	flagAnswered    = uint32(peerscopeRecordFlagsFLAG_ANSWERED)
	flagEstablished = uint32(peerscopeRecordFlagsFLAG_ESTABLISHED)
	flagSequence    = uint32(peerscopeRecordFlagsFLAG_SEQUENCE)
	flagAdopted     = uint32(peerscopeRecordFlagsFLAG_ADOPTED)
	flagFinal       = uint32(peerscopeRecordFlagsFLAG_FINAL)
	flagFINAcked    = uint32(peerscopeRecordFlagsFLAG_FIN_ACKED)
	flagFINReceived = uint32(peerscopeRecordFlagsFLAG_FIN_RECEIVED)
	flagUnaccepted  = uint32(peerscopeRecordFlagsFLAG_UNACCEPTED)
	flagKernel      = uint32(peerscopeRecordFlagsFLAG_KERNEL)
	flagV6Only      = uint32(peerscopeRecordFlagsFLAG_V6ONLY)
	flagUntracked   = uint32(peerscopeRecordFlagsFLAG_UNTRACKED)
	flagShared      = uint32(peerscopeRecordFlagsFLAG_SHARED)
	flagUsed        = uint32(peerscopeRecordFlagsFLAG_USED)
	flagEphemeral   = uint32(peerscopeRecordFlagsFLAG_EPHEMERAL)
	flagTold        = uint32(peerscopeRecordFlagsFLAG_TOLD)

	kindTCP      = uint16(peerscopeRecordKindRECORD_TCP)
	kindListener = uint16(peerscopeRecordKindRECORD_LISTENER)
	kindHandover = uint16(peerscopeRecordKindRECORD_HANDOVER)
	kindHolder   = uint16(peerscopeRecordKindRECORD_HOLDER)
	kindUDP      = uint16(peerscopeRecordKindRECORD_UDP)
	kindUnix     = uint16(peerscopeRecordKindRECORD_UNIX)
	kindProcess  = uint16(peerscopeRecordKindRECORD_PROCESS)
	kindExit     = uint16(peerscopeRecordKindRECORD_EXIT)
)

// exitSize is how much of a process record an exit has (process.h).
const exitSize = unsafe.Offsetof(peerscopeProcessRecord{}.Parent)

// view reads a record in place. The kernel writes it for this very machine, so
// byte order and layout are ours; it is aligned, as the ring and seq_file are.
func view[T any](b []byte) (*T, error) {
	var t T
	if len(b) < int(unsafe.Sizeof(t)) {
		return nil, fmt.Errorf("a record of %d bytes is shorter than %T", len(b), t)
	}
	return (*T)(unsafe.Pointer(unsafe.SliceData(b))), nil
}

// kindOf is the kind of the record that b begins with, and its size; 0: none
// that is known.
func kindOf(b []byte) (kind uint16, size int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch kind = *(*uint16)(unsafe.Pointer(unsafe.SliceData(b))); kind {
	case kindTCP, kindListener, kindHandover, kindHolder, kindUDP:
		return kind, int(unsafe.Sizeof(peerscopeTcpRecord{}))
	case kindUnix:
		return kind, int(unsafe.Sizeof(peerscopeUnixRecord{}))
	case kindProcess:
		return kind, int(unsafe.Sizeof(peerscopeProcessRecord{}))
	case kindExit:
		return kind, int(exitSize)
	}
	return 0, 0
}

// clock turns boot time into the time of observations (see pace.Pace).
type clock struct{ offset int64 }

func (c clock) time(boot uint64) flow.Time {
	if boot == 0 {
		return 0
	}
	return flow.Time(int64(boot) + c.offset)
}

// boot is the reverse.
func (c clock) boot(t flow.Time) uint64 { return uint64(int64(t) - c.offset) }

// ticks turns a process's start as the kernel keeps it (ns since boot) into
// what /proc/PID/stat shows (USER_HZ is 100 on every architecture we build for).
func ticks(start uint64) uint64 { return start / 10_000_000 }

func processKey(pid uint32, start uint64) flow.ProcessKey {
	if pid == 0 {
		return flow.ProcessKey{}
	}
	return flow.ProcessKey{PID: int32(pid), Start: ticks(start)}
}

// netnsID is the namespace's cookie where the kernel gives it.
func netnsID(cookie uint64, inode uint32) flow.NetnsID {
	if cookie != 0 {
		return flow.NetnsID(cookie)
	}
	return flow.NetnsID(uint64(inode) | 1<<63)
}

func address(b [16]uint8, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(b).Unmap(), port)
}

// socket turns a record into an observation of a TCP socket.
func (c clock) socket(r *peerscopeTcpRecord, o *flow.Socket) {
	*o = flow.Socket{
		Time: c.time(r.Time), Cookie: flow.SocketCookie(r.Cookie), Generation: r.Generation,
		Netns: netnsID(r.Netns, r.NetnsInode), Transport: flow.TCP, State: flow.State(r.State),
		Tuple: flow.Tuple{Local: address(r.Local, r.LocalPort), Peer: address(r.Peer, r.PeerPort)},
		Scope: r.Scope, Opened: c.time(r.Opened),
		Final: r.Flags&flagFinal != 0, Adopted: r.Flags&flagAdopted != 0, Connected: r.Flags&flagEstablished != 0,
		Unaccepted: r.Flags&flagUnaccepted != 0, Kernel: r.Flags&flagKernel != 0 && r.Owner == 0, V6Only: r.Flags&flagV6Only != 0,
		HasSequence: r.Flags&flagSequence != 0,
	}
	if o.HasSequence {
		o.Sequence = flow.Sequence{SendBase: r.SendBase, RecvBase: r.RecvBase}
	}
	switch {
	case r.Flags&flagCalled != 0:
		o.First = flow.Client
	case r.Flags&flagAnswered != 0:
		o.First = flow.Server
	}
	switch r.Kind {
	case kindListener:
		o.State = flow.Listen
		o.Backlog, o.Limit = r.Unacked, r.NotSent
		return
	case kindTCP:
		o.HasCounters, o.Exact = true, true
		o.Counters = counters(r)
	}
	if o.Final && r.Error != 0 && !o.Connected {
		o.Errno = errnoName(r.Error)
	}
}

// counters are payload, and our SYN if we connected: both FINs are taken off.
func counters(r *peerscopeTcpRecord) flow.Counters {
	c := flow.Counters{BytesSent: r.BytesSent, BytesRetrans: r.BytesRetrans, BytesAcked: r.BytesAcked, BytesReceived: r.BytesReceived,
		Unacked: r.Unacked, NotSent: r.NotSent, Retransmits: r.Retransmits, RTT: r.RttUs, Connect: r.ConnectUs}
	if r.Flags&flagFINAcked != 0 && c.BytesAcked > 0 {
		c.BytesAcked--
	}
	if r.Flags&flagFINReceived != 0 && c.BytesReceived > 0 {
		c.BytesReceived--
	}
	return c
}

func errnoName(errno uint32) string {
	if name := unix.ErrnoName(unix.Errno(errno)); name != "" {
		return name
	}
	return fmt.Sprintf("errno %d", errno)
}
