package nlsocket

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Sizes of struct nlmsghdr and struct nlattr (include/uapi/linux/netlink.h).
// Every number of a netlink header is in the machine's own byte order.
const (
	HeaderLen     = unix.SizeofNlMsghdr
	attributeLen  = unix.SizeofNlAttr
	attributeMask = 0x3fff // NLA_TYPE_MASK: the two highest bits of a type are flags
)

// ErrTruncated is a message shorter than it says it is.
var ErrTruncated = errors.New("truncated netlink message")

// ErrInterrupted: the table changed while the kernel walked it
// (NLM_F_DUMP_INTR), so entries may be missing or doubled. Ask again.
var ErrInterrupted = errors.New("dump interrupted by a change")

// header is struct nlmsghdr.
type header struct {
	Length uint32
	Type   uint16
	Flags  uint16
	Seq    uint32
	PID    uint32 // netlink port id of the socket it is meant for
}

// nextMessage cuts the first message off b, which holds whole messages one
// after another. The payload is part of b.
func nextMessage(b []byte) (h header, payload, rest []byte, err error) {
	if len(b) < HeaderLen {
		return header{}, nil, nil, ErrTruncated
	}
	h = header{
		Length: binary.NativeEndian.Uint32(b),
		Type:   binary.NativeEndian.Uint16(b[4:]),
		Flags:  binary.NativeEndian.Uint16(b[6:]),
		Seq:    binary.NativeEndian.Uint32(b[8:]),
		PID:    binary.NativeEndian.Uint32(b[12:]),
	}
	if h.Length < HeaderLen || uint64(h.Length) > uint64(len(b)) {
		return header{}, nil, nil, ErrTruncated
	}
	// The last message of a buffer may lack its padding.
	next := min(align4(int(h.Length)), len(b))
	return h, b[HeaderLen:h.Length], b[next:], nil
}

// EachMessage hands every message of b, which holds whole messages one after
// another, to each. It stops at the first error.
func EachMessage(b []byte, each func(msgType uint16, payload []byte) error) error {
	for len(b) > 0 {
		h, payload, rest, err := nextMessage(b)
		if err != nil {
			return err
		}
		b = rest
		if err := each(h.Type, payload); err != nil {
			return err
		}
	}
	return nil
}

// AppendHeader starts a request: a header whose length, flags and sequence
// number are filled in by Dump.
func AppendHeader(b []byte, msgType uint16) []byte {
	b = append(b, make([]byte, HeaderLen)...)
	binary.NativeEndian.PutUint16(b[len(b)-HeaderLen+4:], msgType)
	return b
}

// completeHeader fills in what AppendHeader left out.
func completeHeader(request []byte, flags uint16, seq uint32) {
	binary.NativeEndian.PutUint32(request, uint32(len(request)))
	binary.NativeEndian.PutUint16(request[6:], flags)
	binary.NativeEndian.PutUint32(request[8:], seq)
}

// NextAttribute cuts the first attribute off b. ok is false at the end, and
// where what is left cannot be an attribute: the kernel does not send such, and
// what came before it is still good.
func NextAttribute(b []byte) (attrType uint16, value, rest []byte, ok bool) {
	if len(b) < attributeLen {
		return 0, nil, nil, false
	}
	length := int(binary.NativeEndian.Uint16(b))
	if length < attributeLen || length > len(b) {
		return 0, nil, nil, false
	}
	attrType = binary.NativeEndian.Uint16(b[2:]) & attributeMask
	return attrType, b[attributeLen:length], b[min(align4(length), len(b)):], true
}

// errnoOf reads the errno that NLMSG_ERROR and, since Linux 2.6.25, NLMSG_DONE
// begin with: a negative int32, 0 for none. A payload without it is no error.
func errnoOf(payload []byte) error {
	if len(payload) < 4 {
		return nil
	}
	code := int32(binary.NativeEndian.Uint32(payload))
	if code >= 0 {
		return nil
	}
	return fmt.Errorf("kernel answers: %w", unix.Errno(-int64(code)))
}

// align4 rounds up to the alignment of messages and attributes.
func align4(n int) int { return (n + 3) &^ 3 }
