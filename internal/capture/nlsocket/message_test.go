package nlsocket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// rawMessage is a netlink message with flags, as the kernel would send it.
func rawMessage(msgType, flags uint16, seq uint32, payload []byte) []byte {
	b := AppendHeader(nil, msgType)
	binary.NativeEndian.PutUint32(b, uint32(HeaderLen+len(payload)))
	binary.NativeEndian.PutUint16(b[6:], flags)
	binary.NativeEndian.PutUint32(b[8:], seq)
	b = append(b, payload...)
	return append(b, make([]byte, align4(len(b))-len(b))...)
}

func errnoPayload(e unix.Errno) []byte {
	return binary.NativeEndian.AppendUint32(nil, uint32(-int32(e)))
}

func rawAttribute(attrType uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(attributeLen+len(value)))
	b = binary.NativeEndian.AppendUint16(b, attrType)
	b = append(b, value...)
	return append(b, make([]byte, align4(len(b))-len(b))...)
}

func TestMessagesAreCutAtTheirLength(t *testing.T) {
	f := func(b []byte, wantPayloads []string, wantErr error) {
		t.Helper()
		var got []string
		err := EachMessage(b, func(_ uint16, payload []byte) error {
			got = append(got, string(payload))
			return nil
		})
		if d := cmp.Diff(wantPayloads, got); d != "" || !errors.Is(err, wantErr) {
			t.Errorf("EachMessage(%x): error %v, want %v; payloads (-want +got):\n%s", b, err, wantErr, d)
		}
	}
	one := rawMessage(20, 0, 1, []byte("one"))
	two := rawMessage(20, 0, 1, []byte("four"))
	f(nil, nil, nil)
	f(one, []string{"one"}, nil)
	f(one[:HeaderLen+3], []string{"one"}, nil) // the last one's padding may be missing
	f(append(bytes.Clone(one), two...), []string{"one", "four"}, nil)
	f(one[:HeaderLen+2], nil, ErrTruncated)
	f(one[:7], nil, ErrTruncated)
	f(append(bytes.Clone(two), 1, 2, 3), []string{"four"}, ErrTruncated)
	tooShort := bytes.Clone(one)
	tooShort[0] = HeaderLen - 1
	f(tooShort, nil, ErrTruncated)
}

func TestAttributesEndWhereTheyMakeNoSense(t *testing.T) {
	f := func(b []byte, want map[uint16]string) {
		t.Helper()
		got := map[uint16]string{}
		for {
			attrType, value, rest, ok := NextAttribute(b)
			if !ok {
				break
			}
			got[attrType] = string(value)
			b = rest
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("attributes of %x (-want +got):\n%s", b, d)
		}
	}
	one, nested := rawAttribute(1, []byte("abcde")), rawAttribute(2|unix.NLA_F_NESTED, nil)
	f(nil, map[uint16]string{})
	f(one, map[uint16]string{1: "abcde"})
	f(append(bytes.Clone(one), nested...), map[uint16]string{1: "abcde", 2: ""})
	f(append(bytes.Clone(one), 9, 0, 2, 0, 'x'), map[uint16]string{1: "abcde"}) // longer than what is left
	f(append(bytes.Clone(one), 3, 0, 2, 0), map[uint16]string{1: "abcde"})      // shorter than its own head
}

func TestErrnoOf(t *testing.T) {
	f := func(payload []byte, want error) {
		t.Helper()
		if got := errnoOf(payload); !errors.Is(got, want) || (want == nil) != (got == nil) {
			t.Errorf("errnoOf(%x) = %v, want %v", payload, got, want)
		}
	}
	f(nil, nil)
	f([]byte{1, 2}, nil)
	f(errnoPayload(0), nil)
	f(errnoPayload(unix.ENOENT), unix.ENOENT)
	f(binary.NativeEndian.AppendUint32(nil, 1<<31), unix.Errno(1<<31)) // the least int32 has no positive
}

func FuzzMessages(f *testing.F) {
	f.Add(rawMessage(20, 0, 1, rawAttribute(1, []byte("abcde"))))
	f.Add(rawMessage(unix.NLMSG_ERROR, 0, 1, errnoPayload(unix.EPERM)))
	f.Add([]byte{16, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		EachMessage(b, func(_ uint16, payload []byte) error {
			total += HeaderLen + len(payload)
			for a := payload; ; {
				_, _, rest, ok := NextAttribute(a)
				if !ok {
					break
				}
				if len(rest) >= len(a) {
					t.Fatal("an attribute of no length")
				}
				a = rest
			}
			errnoOf(payload)
			return nil
		})
		if total > len(b) {
			t.Errorf("messages of %d bytes out of %d", total, len(b))
		}
		a := answers{seq: 1, each: func(uint16, []byte) error { return nil }}
		a.take(b)
	})
}
