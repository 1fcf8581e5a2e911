package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/nlsocket"
)

// appendRequest appends the request for a dump of the entries of both families
// whose status has exactly the wanted bits of those in mask. A kernel before
// Linux 5.15 does not know the mask and gives all.
func appendRequest(b []byte, wanted, mask uint32) []byte {
	b = nlsocket.AppendHeader(b, msgGet)
	b = append(b, make([]byte, genericLen)...) // AF_UNSPEC
	for _, a := range [...]struct {
		attrType uint16
		value    uint32
	}{{attrStatus, wanted}, {attrStatusMask, mask}} {
		b = binary.NativeEndian.AppendUint16(b, 8)
		b = binary.NativeEndian.AppendUint16(b, a.attrType)
		b = binary.BigEndian.AppendUint32(b, a.value)
	}
	return b
}

// dump reads the translated entries, by a function like (*nlsocket.Conn).Dump of a
// connection that is of the namespace. The kernel
// cannot be asked for those with one bit or another: first come those whose
// source is rewritten, then those of which the destination alone is.
func dump(ask asker, each func(*entry)) error {
	var e entry
	filters := true
	take := func(msgType uint16, payload []byte) error {
		if msgType != msgNew {
			return nil
		}
		if err := parseEntry(payload, &e); err != nil {
			return err
		}
		filters = filters && e.Status&statusSource != 0
		if e.translated() {
			each(&e)
		}
		return nil
	}
	err := ask.all(appendRequest(nil, statusSource, statusSource), take)
	if err != nil || !filters {
		return err // or all there are have come
	}
	return ask.all(appendRequest(nil, statusDestination, statusSource|statusDestination), take)
}

type asker func(request []byte, take func(msgType uint16, payload []byte) error) error

// all is ask where a table that changes while it is read is no error.
func (ask asker) all(request []byte, take func(uint16, []byte) error) error {
	if err := ask(request, take); err != nil && !errors.Is(err, nlsocket.ErrInterrupted) {
		return fmt.Errorf("read the translations: %w", err)
	}
	return nil
}

// keepTranslated makes the kernel drop messages of entries that nothing is
// rewritten of, before they take room in the socket's buffer: a program of the
// classic socket filter, which has an instruction that finds an attribute.
func keepTranslated(fd int) error {
	const (
		findAttribute = 0xfffff000 + 12 // SKF_AD_OFF + SKF_AD_NLATTR
		attributes    = nlsocket.HeaderLen + genericLen
		valueOffset   = unix.SizeofNlAttr
		all, nothing  = 0xffffffff, 0
	)
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_IMM, K: attributes},
		{Code: unix.BPF_LDX | unix.BPF_IMM, K: attrStatus},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: findAttribute},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0, Jt: 3}, // no status: keep it
		{Code: unix.BPF_MISC | unix.BPF_TAX},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_IND, K: valueOffset}, // in network order
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: statusSource | statusDestination, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: all},
		{Code: unix.BPF_RET | unix.BPF_K, K: nothing},
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: (*unix.SockFilter)(unsafe.Pointer(&program[0]))})
}
