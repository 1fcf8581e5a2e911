package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// gate is a writer that waits until it is opened.
type gate struct {
	mu    sync.Mutex
	text  bytes.Buffer
	open  chan struct{}
	began chan struct{}
	once  sync.Once
}

func newGate() *gate { return &gate{open: make(chan struct{}), began: make(chan struct{})} }

func (g *gate) Write(p []byte) (int, error) {
	g.once.Do(func() { close(g.began) })
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(p)
}

func sayLost(n uint64) []byte { return fmt.Appendf(nil, "lost %d\n", n) }

// TestSlowReader: a reader that does not read stops nobody. What does not fit is
// counted, and said where it is missing.
func TestSlowReader(t *testing.T) {
	g := newGate()
	q := newLineQueue(g, 4, sayLost, func() { t.Error("failed") })
	q.put([]byte("0\n"))
	<-g.began // it has the first line and is stuck with it
	for i := 1; i < 10; i++ {
		q.put(fmt.Appendf(nil, "%d\n", i))
	}
	close(g.open)
	for len(q.lines) > 0 {
		time.Sleep(time.Millisecond)
	}
	q.put([]byte("10\n"))
	left, err := q.close(10 * time.Second)
	if want := "0\n1\n2\n3\n4\nlost 5\n10\n"; g.text.String() != want || left != 0 || err != nil {
		t.Errorf("%q, %d left, %v; want %q", g.text.String(), left, err, want)
	}
}

// TestLossesAtTheEnd are said too, and a reader that never reads is not waited
// for.
func TestLossesAtTheEnd(t *testing.T) {
	g := newGate()
	q := newLineQueue(g, 1, sayLost, func() {})
	q.put([]byte("0\n"))
	<-g.began
	for range 4 {
		q.put([]byte("x\n"))
	}
	time.AfterFunc(20*time.Millisecond, func() { close(g.open) })
	if left, err := q.close(10 * time.Second); g.text.String() != "0\nx\nlost 3\n" || left != 0 || err != nil {
		t.Errorf("%q, %d left, %v", g.text.String(), left, err)
	}
	stuck := newGate()
	defer close(stuck.open)
	q = newLineQueue(stuck, 8, sayLost, func() {})
	for range 3 {
		q.put([]byte("x\n"))
	}
	<-stuck.began
	if left, err := q.close(20 * time.Millisecond); left == 0 || err != nil {
		t.Errorf("%d left of a reader that never reads: %v", left, err)
	}
}

// TestReaderThatGoesAway: who observes is told to stop, and nothing waits.
func TestReaderThatGoesAway(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	failed := make(chan struct{})
	q := newLineQueue(w, 2, sayLost, func() { close(failed) })
	q.put([]byte("0\n"))
	<-failed
	for range 100 {
		q.put([]byte(strings.Repeat("x", 100)))
	}
	if _, err := q.close(10 * time.Second); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v, want that the pipe is closed", err)
	}
}
