package history

import (
	"encoding/binary"
	"errors"
	"strings"
	"sync"
)

// kind says what a number of an edge counts. The numbers are written to disk:
// they are never changed, new ones are added at the end.
type kind uint8

const (
	kindActive  kind = 1
	kindPending kind = 2
	kindOpened  kind = 3
	kindClosed  kind = 4
	kindFailed  kind = 5
	// Of each of these four follow each other, in the order of directions().
	kindBytes       kind = 8
	kindRetransmits kind = 12
	kindSideClient  kind = 16
	kindSideServer  kind = 20
	kindSideFirst   kind = 24
	kindSideSecond  kind = 28
	// Of each of these count, sum, min and max follow each other.
	kindRTT     kind = 32
	kindConnect kind = 36
	// These have a name.
	kindEndedPeer kind = 64 // evidence of connections that ended
	kindEndedRole kind = 65
	kindOpenPeer  kind = 66 // evidence of those that are open at the end
	kindOpenRole  kind = 67
	kindError     kind = 68
	kindInexact   kind = 69 // always 1: it is there, or it is not
	kindProtocol  kind = 70 // the name has "\x00" and -, 0 or 1 for TLS after it
)

// Of each of these there is one for each of topology.BucketBounds and one for
// what is above them.
const (
	kindRTTBuckets     kind = 128
	kindConnectBuckets kind = 160
	mostBuckets             = 32
)

// named kinds have a name for each of their columns.
func (k kind) named() bool { return k >= 64 && k < 128 }

// operation says how a number merges with that of the next window.
type operation uint8

const (
	opAdd operation = iota
	opMin
	opMax
	opLast // as the later window says, 0 if it says nothing
)

func (k kind) operation() operation {
	switch k {
	case kindActive, kindPending, kindOpenPeer, kindOpenRole:
		return opLast
	case kindRTT + 2, kindConnect + 2:
		return opMin
	case kindRTT + 3, kindConnect + 3, kindInexact:
		return opMax
	}
	return opAdd
}

// column is one number of an edge.
type column struct {
	kind kind
	name string
}

// form is which numbers an edge has: those that are not there are not known.
// Forms with the same columns are the same pointer.
type form struct {
	key     string // what it is found by, and is written as
	columns []column
	ops     []operation
	like    []int // the column that each is mostly equal to; -1: none
	runs    []run // the operations of all columns
}

// run are columns that stand together and merge in the same way.
type run struct {
	op       operation
	from, to int
}

// forms are all forms that were met. It is safe for concurrent use.
type forms struct {
	mu    sync.Mutex
	byKey map[string]*form
}

func newForms() *forms { return &forms{byKey: map[string]*form{}} }

// appendColumn writes a column to the end of a key; columns come in ascending
// order of kind and name.
func appendColumn(key []byte, k kind, name string) []byte {
	key = append(key, byte(k))
	if k.named() {
		key = binary.AppendUvarint(key, uint64(len(name)))
		key = append(key, name...)
	}
	return key
}

var errDamaged = errors.New("damaged")

// of is the form of a key.
func (f *forms) of(key []byte) (*form, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.byKey[string(key)]; known != nil {
		return known, nil
	}
	made := &form{key: string(key)}
	for rest := key; len(rest) > 0; {
		c := column{kind: kind(rest[0])}
		rest = rest[1:]
		if c.kind.named() {
			n, size := binary.Uvarint(rest)
			if size <= 0 || n > uint64(len(rest)-size) {
				return nil, errDamaged
			}
			c.name = string(rest[size : size+int(n)])
			rest = rest[size+int(n):]
		}
		if last := len(made.columns) - 1; last >= 0 && compareColumns(made.columns[last], c) >= 0 {
			return nil, errDamaged
		}
		made.columns = append(made.columns, c)
		made.ops = append(made.ops, c.kind.operation())
	}
	made.like, made.runs = alike(made.columns), runsOf(made.ops)
	f.byKey[made.key] = made
	return made, nil
}

func runsOf(ops []operation) (out []run) {
	for i, op := range ops {
		if last := len(out) - 1; last >= 0 && out[last].op == op {
			out[last].to++
		} else {
			out = append(out, run{op, i, i + 1})
		}
	}
	return out
}

func compareColumns(a, b column) int {
	if a.kind != b.kind {
		return int(a.kind) - int(b.kind)
	}
	return strings.Compare(a.name, b.name)
}

// alike finds for each column an earlier one that it mostly equals: what the two
// sides counted and what stands for both, the evidence and the number of
// connections. It makes files smaller and decides nothing.
func alike(columns []column) []int {
	first := map[kind]int{}
	like := make([]int, len(columns))
	for i, c := range columns {
		like[i] = -1
		of := func(k kind) {
			if j, ok := first[k]; ok {
				like[i] = j
			}
		}
		switch c.kind {
		case kindEndedPeer, kindEndedRole:
			of(kindClosed)
		case kindOpenPeer, kindOpenRole:
			of(kindActive)
		case kindError:
			of(kindFailed)
		case kindConnect:
			of(kindOpened)
		case kindRTT + 3, kindConnect + 3:
			of(c.kind - 1)
		default:
			switch {
			case c.kind >= kindConnectBuckets:
				of(kindConnect)
			case c.kind >= kindRTTBuckets:
				of(kindRTT)
			}
			if c.kind >= kindSideClient && c.kind < kindRTT {
				of(kindBytes + (c.kind-kindSideClient)%4)
			}
		}
		if _, ok := first[c.kind]; !ok {
			first[c.kind] = i
		}
	}
	return like
}

// joined is the form that two have together, and where the columns of each are
// in it.
type joined struct {
	form *form
	a, b []int // by column of form: the column there, -1 if it has none
}

func (f *forms) join(a, b *form) joined {
	var out joined
	var key []byte
	for i, j := 0, 0; i < len(a.columns) || j < len(b.columns); {
		order := 0
		switch {
		case i == len(a.columns):
			order = 1
		case j == len(b.columns):
			order = -1
		default:
			order = compareColumns(a.columns[i], b.columns[j])
		}
		atA, atB := -1, -1
		var c column
		if order <= 0 {
			c, atA = a.columns[i], i
			i++
		}
		if order >= 0 {
			c, atB = b.columns[j], j
			j++
		}
		key = appendColumn(key, c.kind, c.name)
		out.a, out.b = append(out.a, atA), append(out.b, atB)
	}
	out.form, _ = f.of(key) // made of two valid forms
	return out
}
