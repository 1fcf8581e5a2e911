package history

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"peerscope/internal/topology"
)

// numberedWindow is window i of a host: the same whoever makes it.
func numberedWindow(i int) *topology.Map {
	return newWorld(uint64(i), 120, 0).window(t0.Add(time.Duration(i)*10*time.Second), 10*time.Second)
}

const childEnv = "PEERSCOPE_TEST_HISTORY_CHILD"

// writeForever is the child: it goes on where the store ends, and says of each
// window that it is written.
func writeForever(dir string) error {
	s, err := Open(dir, Options{Tell: func(text string) { fmt.Println("told:", text) }})
	if err != nil {
		return err
	}
	next := 0
	if _, newest := s.Bounds(); !newest.IsZero() {
		next = int(newest.Sub(t0) / (10 * time.Second))
	}
	for i := next; i < next+5000; i++ {
		if err := s.Add(numberedWindow(i)); err != nil {
			return err
		}
		fmt.Println(i)
	}
	return errors.New("nobody killed it")
}

// TestKilledWriterLosesNothingItAcknowledged kills a writing program again and
// again. Each time, all windows that it said are written must be there, as they
// were, and nothing else.
func TestKilledWriterLosesNothingItAcknowledged(t *testing.T) {
	if dir := os.Getenv(childEnv); dir != "" {
		fmt.Println("child:", writeForever(dir))
		os.Exit(1)
	}
	rounds := 15
	if testing.Short() {
		rounds = 5
	}
	dir := filepath.Join(t.TempDir(), "history")
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	last := -1
	for round := range rounds {
		acknowledged := killWhileWriting(t, dir, time.Duration(r.IntN(60_000))*time.Microsecond)
		last = max(last, acknowledged)
		if last < 0 {
			continue
		}
		s := open(t, dir, Options{Tell: func(text string) { t.Errorf("round %d: %s", round, text) }})
		_, newest := s.Bounds()
		stored := int(newest.Sub(t0)/(10*time.Second)) - 1
		if stored < last || stored > last+1 {
			t.Fatalf("round %d: window %d is the last one that was acknowledged, and %d the last one stored", round, last, stored)
		}
		checkStored(t, s, round, stored, r)
		s.Close()
		last = stored
	}
	if last < rounds {
		t.Errorf("only %d windows were written in %d rounds: too few to mean anything", last+1, rounds)
	}
	t.Logf("%d windows, killed %d times", last+1, rounds)
}

// killWhileWriting is the last window that the child said is written; -1: none.
func killWhileWriting(t *testing.T, dir string, after time.Duration) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilledWriterLosesNothingItAcknowledged$")
	c.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	last, begun := -1, false
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			if strings.Contains(lines.Text(), "told:") || strings.Contains(lines.Text(), "child:") {
				t.Errorf("the writer says: %s", lines.Text())
			}
			continue
		}
		last = n
		if !begun {
			begun = true
			time.AfterFunc(after, func() { _ = c.Process.Kill() })
		}
	}
	_ = c.Wait()
	return last
}

// checkStored compares all windows together, and a few ranges of them.
func checkStored(t *testing.T, s *Store, round, stored int, r *rand.Rand) {
	t.Helper()
	for range 3 {
		from := r.IntN(stored + 1)
		to := min(from+1+r.IntN(40), stored+1)
		var maps []*topology.Map
		for i := from; i < to; i++ {
			maps = append(maps, numberedWindow(i))
		}
		got, gaps, err := s.Range(context.Background(), t0.Add(time.Duration(from)*10*time.Second), t0.Add(time.Duration(to)*10*time.Second))
		if err != nil {
			t.Fatalf("round %d: windows %d to %d of %d: %v", round, from, to, stored, err)
		}
		if len(gaps) > 0 {
			t.Fatalf("round %d: windows %d to %d of %d: gaps %v", round, from, to, stored, gaps)
		}
		equal(t, fmt.Sprintf("round %d: windows %d to %d of %d", round, from, to, stored), got, mergeAll(maps))
	}
	all, _, err := s.Range(context.Background(), t0, t0.Add(24*time.Hour))
	if err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	kernel := uint64(0)
	for i := 0; i <= stored; i++ {
		kernel += 1000
	}
	if got := all.Capture.Totals.Kernel; got != kernel {
		t.Errorf("round %d: the sum of all %d windows is %d, want %d", round, stored+1, got, kernel)
	}
}

// TestFileThatEndsAnywhere cuts off a store after each of many bytes, as a
// program leaves it that is killed in the middle of a write: what was whole
// before is there.
func TestFileThatEndsAnywhere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	s := open(t, dir, Options{})
	var sizes []int64 // after each window
	for i := range 4 {
		add(t, s, numberedWindow(i))
		sizes = append(sizes, s.levels[0].active.size)
	}
	path := s.levels[0].active.path
	s.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	step := int64(1 + (len(whole) / 60))
	for n := int64(0); n < int64(len(whole)); n += step {
		if err := os.WriteFile(path, whole[:n], 0o640); err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, size := range sizes {
			if size <= n {
				want++
			}
		}
		s := open(t, dir, Options{Tell: func(text string) { t.Errorf("%d bytes: %s", n, text) }})
		if got := len(s.levels[0].index); got != want {
			t.Fatalf("%d of %d bytes: %d windows, want %d", n, len(whole), got, want)
		}
		if want > 0 {
			got, _, err := s.Range(context.Background(), t0, t0.Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			var maps []*topology.Map
			for i := range want {
				maps = append(maps, numberedWindow(i))
			}
			equal(t, fmt.Sprintf("%d bytes", n), got, mergeAll(maps))
		}
		add(t, s, numberedWindow(want)) // and it goes on
		s.Close()
	}
}
