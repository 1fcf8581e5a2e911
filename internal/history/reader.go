package history

import "encoding/binary"

// reader takes numbers and texts from bytes. After the first that is not there
// it gives zero values and keeps the error.
type reader struct {
	b   []byte
	err error
	// whole is a copy of what b began as, that texts are parts of: one piece of
	// memory for all of them. Empty: each text is a copy.
	whole string
}

func (r *reader) number() uint64 {
	// Most numbers are small.
	if len(r.b) > 0 && r.b[0] < 0x80 {
		n := uint64(r.b[0])
		r.b = r.b[1:]
		return n
	}
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

// fill reads as many numbers as dst has room for.
func (r *reader) fill(dst []uint64) {
	b := r.b
	for i := range dst {
		if len(b) > 0 && b[0] < 0x80 {
			dst[i], b = uint64(b[0]), b[1:]
			continue
		}
		n, size := binary.Uvarint(b)
		if size <= 0 {
			r.fail()
			return
		}
		dst[i], b = n, b[size:]
	}
	r.b = b
}

// count is how many things follow, each of which takes at least a byte.
func (r *reader) count() int {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	b := r.bytes()
	if r.whole != "" {
		at := len(r.whole) - len(r.b) - len(b)
		return r.whole[at : at+len(b)]
	}
	return string(b)
}

// bytes are part of what is read.
func (r *reader) bytes() []byte {
	n := r.count()
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = errDamaged
	}
	r.b = nil
}

// end is the error, also if something is left.
func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		return errDamaged
	}
	return r.err
}
