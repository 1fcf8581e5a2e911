package netlink

import (
	"encoding/binary"

	"peerscope/internal/flow"
)

// Offsets of what is used of struct tcp_info (include/uapi/linux/tcp.h). The
// structure only ever grew at its end, so its length tells which fields there
// are. All in the machine's byte order.
const (
	infoUnacked       = 24  // u32 segments
	infoRTT           = 68  // u32 microseconds, smoothed
	infoTotalRetrans  = 100 // u32 segments
	infoBytesAcked    = 120 // u64, since Linux 4.1
	infoBytesReceived = 128 // u64, since Linux 4.1
	infoNotSent       = 144 // u32 bytes, since Linux 4.6
	infoMinRTT        = 148 // u32 microseconds, since Linux 4.6; ^0: no sample
	infoBytesSent     = 200 // u64, since Linux 4.19
	infoBytesRetrans  = 208 // u64, since Linux 4.19
)

// tcpInfo is a tcp_info and which parts of it this kernel gave.
type tcpInfo struct {
	Counters flow.Counters
	// HasInfo: Unacked, Retransmits and RTT.
	HasInfo bool
	// HasAcked: BytesAcked and BytesReceived.
	HasAcked bool
	// HasNotSent: NotSent.
	HasNotSent bool
	// HasSent: BytesSent and BytesRetrans, without which there is no payload
	// count and no SYN byte.
	HasSent bool
	// Answered: the peer answered once, so the handshake was complete. The kernel
	// keeps this when it clears the rest (tcp_disconnect, Linux 6.18).
	Answered bool
}

func parseTCPInfo(b []byte) tcpInfo {
	var t tcpInfo
	if len(b) >= infoTotalRetrans+4 {
		t.HasInfo = true
		t.Counters.Unacked = binary.NativeEndian.Uint32(b[infoUnacked:])
		t.Counters.RTT = binary.NativeEndian.Uint32(b[infoRTT:])
		t.Counters.Retransmits = binary.NativeEndian.Uint32(b[infoTotalRetrans:])
	}
	if len(b) >= infoBytesReceived+8 {
		t.HasAcked = true
		t.Counters.BytesAcked = binary.NativeEndian.Uint64(b[infoBytesAcked:])
		t.Counters.BytesReceived = binary.NativeEndian.Uint64(b[infoBytesReceived:])
	}
	if len(b) >= infoNotSent+4 {
		t.HasNotSent = true
		t.Counters.NotSent = binary.NativeEndian.Uint32(b[infoNotSent:])
	}
	if len(b) >= infoMinRTT+4 {
		rtt := binary.NativeEndian.Uint32(b[infoMinRTT:])
		t.Answered = rtt != 0 && rtt != ^uint32(0)
	}
	if len(b) >= infoBytesRetrans+8 {
		t.HasSent = true
		t.Counters.BytesSent = binary.NativeEndian.Uint64(b[infoBytesSent:])
		t.Counters.BytesRetrans = binary.NativeEndian.Uint64(b[infoBytesRetrans:])
	}
	return t
}
