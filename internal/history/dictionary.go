package history

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"peerscope/internal/topology"
)

// dictionary is what the windows of one file name by number: each edge, form,
// set and version of a node once. A number is never given to anything else; a
// record brings what it names for the first time.
type dictionary struct {
	edges []*identity
	forms []*form
	sets  []*sets // sets[0] is nil
	nodes []*node

	edgeNumbers map[string]int32 // by id, the latest
	formNumbers map[*form]int32
	setNumbers  map[string]int32 // by JSON
	setPointers map[*sets]int32  // the same, of those that were met
	nodeNumbers map[string]int32 // by id, the latest

	roomEdges pieces[identity]
	roomNodes pieces[node]
}

func newDictionary() *dictionary {
	d := &dictionary{sets: []*sets{nil}}
	d.index()
	return d
}

// index makes the numbers anew from the lists.
func (d *dictionary) index() {
	d.edgeNumbers, d.nodeNumbers = make(map[string]int32, len(d.edges)), make(map[string]int32, len(d.nodes))
	d.formNumbers, d.setNumbers = map[*form]int32{}, map[string]int32{}
	d.setPointers = map[*sets]int32{}
	for i, e := range d.edges {
		d.edgeNumbers[e.id] = int32(i)
	}
	for i, f := range d.forms {
		d.formNumbers[f] = int32(i)
	}
	for i, s := range d.sets[1:] {
		d.setNumbers[string(s.encode())] = int32(i + 1)
	}
	for i, n := range d.nodes {
		d.nodeNumbers[n.id] = int32(i)
	}
}

// marks are the lengths of the lists.
type marks struct{ edges, forms, sets, nodes int }

func (d *dictionary) mark() marks {
	return marks{len(d.edges), len(d.forms), len(d.sets), len(d.nodes)}
}

// back forgets what was added since the mark.
func (d *dictionary) back(to marks) {
	d.edges, d.forms, d.sets, d.nodes = d.edges[:to.edges], d.forms[:to.forms], d.sets[:to.sets], d.nodes[:to.nodes]
	d.index()
}

func (d *dictionary) edge(e *identity) int32 {
	if i, ok := d.edgeNumbers[e.id]; ok && d.edges[i].equal(e) {
		return i
	}
	i := int32(len(d.edges))
	d.edges = append(d.edges, e)
	d.edgeNumbers[e.id] = i
	return i
}

func (d *dictionary) form(f *form) int32 {
	i, ok := d.formNumbers[f]
	if !ok {
		i = int32(len(d.forms))
		d.forms = append(d.forms, f)
		d.formNumbers[f] = i
	}
	return i
}

func (d *dictionary) set(s *sets) int32 {
	if s == nil {
		return 0
	}
	i, ok := d.setPointers[s]
	if ok {
		return i
	}
	text := s.encode()
	if i, ok = d.setNumbers[string(text)]; !ok {
		i = int32(len(d.sets))
		d.sets = append(d.sets, s)
		d.setNumbers[string(text)] = i
	}
	d.setPointers[s] = i
	return i
}

func (d *dictionary) node(n *node) int32 {
	if i, ok := d.nodeNumbers[n.id]; ok && (d.nodes[i] == n || d.nodes[i].text == n.text) {
		return i
	}
	i := int32(len(d.nodes))
	d.nodes = append(d.nodes, n)
	d.nodeNumbers[n.id] = i
	return i
}

func (s *sets) encode() []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings in slices and maps
	}
	return text
}

// encode writes what was added since the mark.
func (d *dictionary) encode(since marks) []byte {
	var b []byte
	number := func(n int) { b = binary.AppendUvarint(b, uint64(n)) }
	text := func(s string) { number(len(s)); b = append(b, s...) }
	number(len(d.edges) - since.edges)
	for _, e := range d.edges[since.edges:] {
		id := e.id
		if id == e.made() {
			id = "" // it is made again
		}
		for _, s := range []string{id, e.client, e.server, e.transport, e.path} {
			text(s)
		}
		number(int(e.serverPort))
		number(len(e.ends))
		for _, s := range e.ends {
			text(s)
		}
		number(len(e.endPorts))
		for _, p := range e.endPorts {
			number(int(p))
		}
	}
	number(len(d.forms) - since.forms)
	for _, f := range d.forms[since.forms:] {
		text(f.key)
	}
	number(len(d.sets) - since.sets)
	for _, s := range d.sets[since.sets:] {
		text(string(s.encode()))
	}
	number(len(d.nodes) - since.nodes)
	for _, n := range d.nodes[since.nodes:] {
		text(n.id)
		text(n.text)
	}
	return b
}

// made is the id that the parts of an edge make.
func (d *identity) made() string {
	if len(d.ends) == 2 || d.client == "" {
		return ""
	}
	where := d.path
	if d.serverPort != 0 {
		where = strconv.Itoa(int(d.serverPort))
	}
	return topology.EdgeID(d.client, d.server, d.transport, where)
}

// decode adds what encode wrote.
func (d *dictionary) decode(b []byte, known *forms) error {
	r := reader{b: b, whole: string(b)}
	for range r.count() {
		e := d.roomEdges.new()
		r.identity(e)
		if e.id == "" {
			e.id = e.made()
		} else {
			e.id = strings.Clone(e.id) // ids are kept for longer than what else is here
		}
		d.edges = append(d.edges, e)
	}
	if err := d.decodeForms(&r, known); err != nil {
		return err
	}
	for range r.count() {
		s := &sets{}
		if text := r.text(); r.err == nil {
			if err := json.Unmarshal([]byte(text), s); err != nil {
				return fmt.Errorf("set of an edge: %w", err)
			}
		}
		d.sets = append(d.sets, s)
	}
	for range r.count() {
		n := d.roomNodes.new()
		*n = node{id: r.text(), text: r.text()}
		d.nodes = append(d.nodes, n)
	}
	return r.end()
}

// skim adds as much of what encode wrote as groups have to be read with: how many
// edges and sets there are, and the forms. It gives the numbers of the edges that
// are wanted. That takes a fifth of the time, since most of a dictionary is nodes.
func (d *dictionary) skim(b []byte, known *forms, wanted func(id string) bool) (numbers []int32, err error) {
	r := reader{b: b, whole: string(b)}
	var e identity
	for range r.count() {
		r.identity(&e)
		if e.id == "" {
			e.id = e.made()
		}
		if wanted(e.id) {
			numbers = append(numbers, int32(len(d.edges)))
		}
		d.edges = append(d.edges, nil)
	}
	if err := d.decodeForms(&r, known); err != nil {
		return nil, err
	}
	for range r.count() {
		r.bytes()
		d.sets = append(d.sets, nil)
	}
	return numbers, r.err
}

func (r *reader) identity(e *identity) {
	*e = identity{id: r.text(), client: r.text(), server: r.text(), transport: r.text(), path: r.text(), serverPort: uint16(r.number()), ends: e.ends[:0], endPorts: e.endPorts[:0]}
	for range r.count() {
		e.ends = append(e.ends, r.text())
	}
	for range r.count() {
		e.endPorts = append(e.endPorts, uint16(r.number()))
	}
}

func (d *dictionary) decodeForms(r *reader, known *forms) error {
	for range r.count() {
		f, err := known.of(r.bytes())
		if err != nil {
			return fmt.Errorf("form of edges: %w", err)
		}
		d.forms = append(d.forms, f)
	}
	return r.err
}
