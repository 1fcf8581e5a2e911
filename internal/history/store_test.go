package history

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"peerscope/internal/topology"
)

// fillAll gives every exported field of v a value, so that one that is not
// stored shows.
func fillAll(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillAll(v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillAll(v.Field(i), n)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillAll(v.Index(0), n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillAll(key, n)
		fillAll(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("text" + string(rune('a'+*n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n))
	}
}

// TestEveryFieldIsStored fails when a map gets a field that the store loses.
func TestEveryFieldIsStored(t *testing.T) {
	var m topology.Map
	n := 0
	fillAll(reflect.ValueOf(&m).Elem(), &n)
	m.Schema = topology.Schema
	m.Window = topology.Window{Start: stamp(t0), End: stamp(t0.Add(10 * time.Second))}
	e := &m.Edges[0]
	e.EndPorts, e.Ends = []uint16{1, 2}, []string{"a", "b"}
	for _, s := range []*topology.Stat{e.RTT, e.Connect} {
		s.Buckets = topology.Buckets{{UpTo: 50, Count: 3}, {UpTo: 2000, Count: 1}, {UpTo: topology.Unbounded, Count: 9}}
	}
	e.Protocols = append(e.Protocols, topology.Protocol{Connections: 3})
	e.Evidence.Peer["open"], e.Evidence.Role["open"] = 7, 8
	e.SetOpen(topology.Evidence{Peer: map[string]uint64{"open": 4}, Role: map[string]uint64{"open": 8}})
	m.Logical[0].SetOpen(map[string]uint64{"timing": 2})
	dir := t.TempDir()
	s := open(t, dir, Options{})
	add(t, s, &m)
	s.Close()
	s = open(t, dir, Options{})
	got, _, err := s.Range(context.Background(), t0, t0.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "the map that was added", got, &m)
	if open := got.Logical[0].Open()["timing"]; open != 2 {
		t.Errorf("what is open of a logical edge: %d, want 2", open)
	}
}

func TestTwoWritersAreOneTooMany(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, Options{})
	_, err := Open(dir, Options{})
	if err == nil || !strings.Contains(err.Error(), "another peerscope (pid ") || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second writer: %v, want an error that names the first one", err)
	}
}

func TestReadersWatchAWriter(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	for i := range 20 {
		add(t, s, numberedWindow(i))
		r, err := OpenReadOnly(dir)
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := r.Range(context.Background(), t0, t0.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := m.Capture.Totals.Kernel, uint64(i+1)*1000; got != want {
			t.Errorf("after %d windows the reader sees %d, want %d", i+1, got, want)
		}
		if err := r.Add(numberedWindow(50)); err == nil {
			t.Error("a reader wrote")
		}
		r.Close()
	}
}

func TestNewerStoreIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	add(t, s, numberedWindow(0))
	s.Close()
	name := filepath.Join(dir, "format")
	newer := []byte(`{"format":"peerscope.history","version":2}` + "\n")
	if err := os.WriteFile(name, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	for what, open := range map[string]func() (*Store, error){
		"write": func() (*Store, error) { return Open(dir, Options{}) },
		"read":  func() (*Store, error) { return OpenReadOnly(dir) },
	} {
		_, err := open()
		var n *NewerError
		if !errors.As(err, &n) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "format 2") {
			t.Errorf("%s: %v, want one line that says it is newer", what, err)
		}
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the folder was\n%s\nand is\n%s", before, after)
	}
}

// listing are the files of a folder with their content's length.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var out []string
	err := filepath.Walk(dir, func(path string, i os.FileInfo, err error) error {
		if err == nil && !i.IsDir() {
			data, _ := os.ReadFile(path)
			out = append(out, strings.TrimPrefix(path, dir)+" "+string(data))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

// TestDamagedStoreIsSetAside: a new one is begun, and the old one is kept under
// the name that is told.
func TestDamagedStoreIsSetAside(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string){
		"the header of a file": func(t *testing.T, dir string) { overwrite(t, fineFile(t, dir), 3) },
		"the header of a window": func(t *testing.T, dir string) {
			overwrite(t, fineFile(t, dir), fileHeader+12)
		},
		"no format": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, formatFile)); err != nil {
				t.Fatal(err)
			}
		},
		"a format of garbage": func(t *testing.T, dir string) { overwrite(t, filepath.Join(dir, formatFile), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "history")
			s := open(t, dir, Options{})
			for i := range 10 {
				add(t, s, numberedWindow(i))
			}
			s.Close()
			damage(t, dir)
			old := len(listing(t, dir))
			var told []string
			s = open(t, dir, Options{Tell: func(text string) { told = append(told, text) }})
			if len(told) != 1 || strings.Contains(told[0], "\n") {
				t.Fatalf("told %q, want one line", told)
			}
			add(t, s, numberedWindow(20))
			if st := s.Stats(); st.Windows != 1 {
				t.Errorf("the new store has %d windows, want 1", st.Windows)
			}
			aside, err := filepath.Glob(dir + ".damaged-*")
			if err != nil || len(aside) != 1 || !strings.Contains(told[0], aside[0]) {
				t.Fatalf("set aside: %v %v, and told %q", aside, err, told)
			}
			if got := len(listing(t, aside[0])); got < old-16 { // but for the pid
				t.Errorf("%d bytes were kept of %d", got, old)
			}
		})
	}
}

func fineFile(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "fine", "*"+fileSuffix))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file: %v", err)
	}
	return files[0]
}

func overwrite(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("\xffdamage"), at); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedWindowIsAGap: what is damaged within a window is found when it is
// asked for, and the others are answered without it.
func TestDamagedWindowIsAGap(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	for i := range 30 {
		add(t, s, numberedWindow(i))
	}
	r := s.levels[0].index[20].record()
	at := r.offset + r.frames[fixedFrames].at + 5
	path := s.levels[0].index[20].segment.path
	s.Close()
	overwrite(t, path, at)
	r2, err := OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r2.Close()
	// A minute that is whole stands for it.
	whole, gaps, err := r2.Range(context.Background(), t0, t0.Add(5*time.Minute))
	if err != nil || len(gaps) != 0 || whole.Capture.Totals.Kernel != 30_000 {
		t.Errorf("of whole minutes: %v, gaps %v", err, gaps)
	}
	part, gaps, err := r2.Range(context.Background(), t0.Add(190*time.Second), t0.Add(230*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if part.Capture.Totals.Kernel != 3000 || !hasGap(gaps, WhyDamaged) {
		t.Errorf("%d of 4000, gaps %v: want 3000, and a gap that is damaged", part.Capture.Totals.Kernel, gaps)
	}
	if st := r2.Stats(); st.Damaged != 1 {
		t.Errorf("%d windows are said to be damaged, want 1", st.Damaged)
	}
}

func TestOldWindowsGoByAgeAndBySize(t *testing.T) {
	w := newWorld(5, 40, 0.3)
	t.Run("age", func(t *testing.T) {
		s := open(t, t.TempDir(), Options{Keep: Keep{Fine: time.Hour, Minute: 3 * time.Hour, TenMinutes: 6 * time.Hour, Hour: 12 * time.Hour}})
		const hours = 16
		for at := t0; at.Before(t0.Add(hours * time.Hour)); at = at.Add(30 * time.Second) {
			add(t, s, w.window(at, 30*time.Second))
		}
		now := t0.Add(hours * time.Hour).UnixMilli()
		for i, keep := range []int64{hour, 3 * hour, 6 * hour, 12 * hour} {
			l := s.levels[i]
			first := l.index[0].start()
			if first > now-keep || first < now-keep-l.span-hour {
				t.Errorf("%s begins %v before now, want %v and less than a file more", l.name, time.Duration(now-first)*time.Millisecond, time.Duration(keep)*time.Millisecond)
			}
		}
		// All of the time is answered, the old part from longer windows.
		m, gaps, err := s.Range(context.Background(), t0.Add(8*time.Hour), t0.Add(hours*time.Hour))
		if err != nil || len(gaps) > 0 || m.Capture.Totals.Kernel != 8*120*1000 {
			t.Errorf("8 hours: %v, gaps %v, %v", err, gaps, m.Capture.Totals)
		}
	})
	t.Run("size", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, dir, Options{MaxBytes: LeastBytes})
		largest := int64(0)
		for at := t0; at.Before(t0.Add(5 * time.Hour)); at = at.Add(10 * time.Second) {
			add(t, s, w.window(at, 10*time.Second))
			largest = max(largest, s.bytes())
		}
		if largest > LeastBytes {
			t.Errorf("the store had %d bytes, want at most %d", largest, LeastBytes)
		}
		oldest, newest := s.Bounds()
		if kept := newest.Sub(oldest); kept < 10*time.Minute || kept > 4*time.Hour+55*time.Minute {
			t.Errorf("%v are kept: nothing was removed, or nearly all", kept)
		}
		m, gaps, err := s.Range(context.Background(), oldest, newest)
		if err != nil || len(gaps) > 0 {
			t.Errorf("what is kept: %v, gaps %v", err, gaps)
		}
		if want := uint64(newest.Sub(oldest)/(10*time.Second)) * 1000; m.Capture.Totals.Kernel != want {
			t.Errorf("what is kept has %d, want %d", m.Capture.Totals.Kernel, want)
		}
	})
	t.Run("size of large windows", func(t *testing.T) {
		const limit = LeastBytes
		s := open(t, t.TempDir(), Options{MaxBytes: limit, NoSync: true})
		w := newWorld(3, 700, 0)
		largest := int64(0)
		for at := t0; at.Before(t0.Add(65 * time.Minute)); at = at.Add(10 * time.Second) {
			add(t, s, w.window(at, 10*time.Second))
			largest = max(largest, s.bytes())
		}
		if largest > limit || largest < limit/2 || s.record < limit/80 {
			t.Errorf("the store had %d bytes, want at most %d and more than half of it; the largest window has %d", largest, limit, s.record)
		}
	})
}

func TestEventsAreKeptWithTheirWindows(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	w := newWorld(1, 20, 0)
	at := t0
	put := func(n int) {
		for range n {
			add(t, s, w.window(at, 10*time.Second))
			at = at.Add(10 * time.Second)
		}
	}
	put(1)
	begun := at.Add(time.Millisecond) // what began in the first window is told at its end
	put(29)
	w.replace(1)
	put(1)
	changed := at
	put(700) // over an hour
	s.Close()
	s = open(t, dir, Options{})
	put(1) // nothing is new after a start
	for _, tt := range []struct {
		from, to time.Time
		want     int
	}{{begun, at, 1}, {changed, changed.Add(time.Millisecond), 1}, {changed.Add(time.Millisecond), at, 0}, {begun, changed, 0}} {
		events, err := s.Events(context.Background(), tt.from, tt.to)
		if err != nil {
			t.Fatal(err)
		}
		events = slices.DeleteFunc(events, func(e topology.Event) bool { return e.Kind != topology.EventNewEdge })
		if len(events) != tt.want {
			t.Errorf("%v to %v: %d new edges %v, want %d", tt.from, tt.to, len(events), events, tt.want)
		}
	}
}
