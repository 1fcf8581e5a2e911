package history

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"

	"peerscope/internal/topology"
)

// The frames that each record has before its chunks. Each is compressed by
// itself, so that only what is wanted is read.
const (
	frameDictionary = iota // what the record names for the first time in its file
	frameAbout
	frameEvents
	frameNodes
	frameTotals // of all edges together
	fixedFrames
)

// record is where a window is in its file.
type record struct {
	offset, size int64 // with its header
	start, end   int64 // of the window, Unix milliseconds
	edges, nodes uint32
	observed     uint32  // milliseconds of the window in which somebody observed
	frames       []frame // the fixed ones, then the chunks
	bad          atomic.Bool
}

// frame is a part of a record.
type frame struct {
	at   int64 // in the record
	size uint32
	sum  uint32 // CRC-32C of the compressed bytes
}

func (r *record) chunks() int { return len(r.frames) - fixedFrames }

// A record's header, little endian: the magic, how long the header is, start and
// end of the window, how much of it was observed, edges, nodes, frames, a size and a sum for each frame, and
// the sum of all of this.
const (
	recordMagic = 0x314e4957 // "WIN1"
	headerFixed = 4 + 4 + 8 + 8 + 4 + 4 + 4 + 4
	mostFrames  = 4096
)

func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// appendRecord writes a window in terms of the dictionary, which takes up what
// it does not know yet.
func (d *dictionary) appendRecord(b []byte, w *window, z *zstd.Encoder) ([]byte, *record, error) {
	before := d.mark()
	chunks := min(max(len(w.rows)/chunkEdges, 1), 256)
	rows := d.number(w.rows, chunks)
	nodes, err := d.encodeNodes(w.nodes)
	if err != nil {
		return nil, nil, err
	}
	aboutText, err := json.Marshal(w.about.complete())
	if err != nil {
		return nil, nil, fmt.Errorf("encode window: %w", err)
	}
	var events []byte
	if len(w.events) > 0 {
		if events, err = json.Marshal(w.events); err != nil {
			return nil, nil, fmt.Errorf("encode events: %w", err)
		}
	}
	rec := &record{start: w.start, end: w.end, observed: uint32(min(w.observed, 1<<32-1)), edges: uint32(len(w.rows)), nodes: uint32(len(w.nodes))}
	header := headerFixed + 8*(fixedFrames+chunks) + 4
	from := len(b)
	b = append(b, make([]byte, header)...)
	var plain []byte
	put := func(text []byte) {
		at := len(b)
		if len(text) > 0 {
			b = z.EncodeAll(text, b)
		}
		rec.frames = append(rec.frames, frame{int64(at - from), uint32(len(b) - at), castagnoli(b[at:])})
	}
	put(d.encode(before))
	put(aboutText)
	put(events)
	put(nodes)
	put(totalsOf(w.rows).encode())
	for chunk := range chunks {
		n := 0
		for n < len(rows) && rows[n].chunk == chunk {
			n++
		}
		plain = d.appendChunk(plain[:0], rows[:n])
		put(plain)
		rows = rows[n:]
	}
	rec.size = int64(len(b) - from)
	rec.writeHeader(b[from : from+header])
	return b, rec, nil
}

func (r *record) writeHeader(h []byte) {
	le := binary.LittleEndian
	le.PutUint32(h, recordMagic)
	le.PutUint32(h[4:], uint32(len(h)))
	le.PutUint64(h[8:], uint64(r.start))
	le.PutUint64(h[16:], uint64(r.end))
	le.PutUint32(h[24:], r.edges)
	le.PutUint32(h[28:], r.nodes)
	le.PutUint32(h[32:], r.observed)
	le.PutUint32(h[36:], uint32(len(r.frames)))
	at := headerFixed
	for _, f := range r.frames {
		le.PutUint32(h[at:], f.size)
		le.PutUint32(h[at+4:], f.sum)
		at += 8
	}
	le.PutUint32(h[at:], castagnoli(h[:at]))
}

// headerSize is how long the header is that begins with b, at least headerFixed
// bytes; 0: none begins there.
func headerSize(b []byte) int {
	le := binary.LittleEndian
	size, frames := le.Uint32(b[4:]), le.Uint32(b[36:])
	if le.Uint32(b) != recordMagic || frames < fixedFrames || frames > mostFrames || size != headerFixed+8*frames+4 {
		return 0
	}
	return int(size)
}

// readHeader reads a whole header.
func readHeader(h []byte, offset int64) (*record, bool) {
	le := binary.LittleEndian
	end := len(h) - 4
	if le.Uint32(h[end:]) != castagnoli(h[:end]) {
		return nil, false
	}
	r := &record{offset: offset, start: int64(le.Uint64(h[8:])), end: int64(le.Uint64(h[16:])), edges: le.Uint32(h[24:]), nodes: le.Uint32(h[28:]), observed: le.Uint32(h[32:])}
	r.size = int64(len(h))
	for at := headerFixed; at < end; at += 8 {
		f := frame{at: r.size, size: le.Uint32(h[at:]), sum: le.Uint32(h[at+4:])}
		r.frames = append(r.frames, f)
		r.size += int64(f.size)
	}
	return r, r.start < r.end
}

// encodeNodes writes the nodes of a window by their numbers.
func (d *dictionary) encodeNodes(nodes []*node) ([]byte, error) {
	b := binary.AppendUvarint(nil, uint64(len(nodes)))
	last := int64(0)
	for _, n := range nodes {
		i := int64(d.node(n))
		b = binary.AppendVarint(b, i-last)
		last = i
	}
	return b, nil
}

func (d *dictionary) decodeNodes(b []byte) ([]int32, error) {
	r := reader{b: b}
	out := make([]int32, r.count())
	at := int64(0)
	for i := range out {
		n := r.number()
		at += int64(n>>1 ^ -(n & 1))
		if at < 0 || at >= int64(len(d.nodes)) {
			return nil, errDamaged
		}
		out[i] = int32(at)
	}
	return out, r.end()
}

func decodeAbout(b []byte) (about, error) {
	var a about
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return a, a.restore()
}

func decodeEvents(b []byte) ([]topology.Event, error) {
	if len(b) == 0 {
		return nil, nil
	}
	var events []topology.Event
	if err := json.Unmarshal(b, &events); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return events, nil
}
