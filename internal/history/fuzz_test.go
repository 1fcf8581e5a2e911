package history

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzFile opens a store whose file of fine windows is anything at all: nothing
// panics, and what is answered is a map.
func FuzzFile(f *testing.F) {
	dir := f.TempDir()
	s, err := Open(dir, Options{NoSync: true})
	if err != nil {
		f.Fatal(err)
	}
	for i := range 2 {
		if err := s.Add(newWorld(1, 3, 0).window(t0.Add(time.Duration(i)*10*time.Second), 10*time.Second)); err != nil {
			f.Fatal(err)
		}
	}
	path := s.levels[0].active.path
	s.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-7])
	f.Add(whole[:fileHeader])
	f.Add(append(bytes.Clone(whole), make([]byte, 100)...))
	f.Fuzz(func(t *testing.T, file []byte) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "fine"), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := writeFormat(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "fine", filepath.Base(path)), file, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := OpenReadOnly(dir)
		if err != nil {
			return
		}
		defer s.Close()
		m, _, err := s.Range(context.Background(), t0, t0.Add(time.Hour))
		if err == nil && m.Host.Name == "" && bytes.Equal(file, whole) {
			t.Error("the map of a whole file has no host")
		}
		_, _ = s.Events(context.Background(), t0, t0.Add(time.Hour))
		_, _ = s.Series(context.Background(), nil, t0, t0.Add(time.Hour), time.Minute)
	})
}

// FuzzFrames reads what stands behind the checksums of a record, which only a
// program that writes something else could damage.
func FuzzFrames(f *testing.F) {
	known := newForms()
	d := newDictionary()
	w, err := newConverter(known).window(newWorld(1, 4, 0).window(t0, 10*time.Second))
	if err != nil {
		f.Fatal(err)
	}
	rows := d.number(w.rows, 1)
	nodes, err := d.encodeNodes(w.nodes)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(d.encode(marks{sets: 1}), d.appendChunk(nil, rows), nodes, totalsOf(w.rows).encode())
	f.Add([]byte{0, 1, 3, 1, 2, 3, 0, 0}, []byte{7, 0, 1, 0, 0, 0, 0, 0}, []byte{1, 0}, []byte{1, 5})
	f.Fuzz(func(t *testing.T, names, chunk, nodes, sums []byte) {
		known := newForms()
		d := &dictionary{sets: []*sets{nil}}
		if d.decode(names, known) != nil {
			return
		}
		m := newMerger(known)
		m.begin(0, 1, 1, about{Map: aboutOf(newWorld(1, 1, 0).window(t0, 10*time.Second)).Map})
		var g group
		_ = d.groups(chunk, &g, nil, func() {
			slots := make([]int32, len(g.edges))
			for i, e := range g.edges {
				slots[i] = m.slotOf(d.edges[e])
			}
			m.addGroup(&g, slots, d.sets)
		})
		if list, err := d.decodeNodes(nodes); err == nil {
			for _, n := range list {
				m.last[m.nodeSlot(d.nodes[n].id)] = d.nodes[n]
			}
		}
		_, _ = m.window().toMap(newNodeReader())
		if s, err := decodeTotals(sums); err == nil {
			s.edge(&edgeRoom{})
		}
	})
}
