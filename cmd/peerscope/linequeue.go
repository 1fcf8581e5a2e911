package main

import (
	"bufio"
	"io"
	"sync/atomic"
	"time"
)

// lineQueue writes lines in a goroutine of its own, so that who makes them waits
// for nobody. A slow reader finds as many lines as the queue holds; what does not
// fit is dropped, counted, and said in a line where it is missing.
type lineQueue struct {
	lines    chan []byte
	done     chan error
	missing  uint64 // dropped and not said yet
	say      func(n uint64) []byte
	written  atomic.Int64
	accepted int64
}

// newLineQueue begins to write. failed is called when that is not possible any
// more; say makes the line about what was dropped.
func newLineQueue(w io.Writer, size int, say func(n uint64) []byte, failed func()) *lineQueue {
	q := &lineQueue{lines: make(chan []byte, size), done: make(chan error, 1), say: say}
	go func() {
		err := q.write(w)
		if err != nil {
			failed()
			for range q.lines { // nobody reads it
			}
		}
		q.done <- err
	}()
	return q
}

// write writes lines together as long as more are there.
func (q *lineQueue) write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	together := int64(0)
	for line := range q.lines {
		if _, err := out.Write(line); err != nil {
			return err
		}
		if together++; len(q.lines) > 0 {
			continue
		}
		if err := out.Flush(); err != nil {
			return err
		}
		q.written.Add(together)
		together = 0
	}
	return out.Flush()
}

// put adds a line if there is room. It never waits.
func (q *lineQueue) put(line []byte) {
	if q.missing > 0 && !q.offer(q.say(q.missing)) {
		q.missing++
		return
	}
	q.missing = 0
	if !q.offer(line) {
		q.missing++
	}
}

func (q *lineQueue) offer(line []byte) bool {
	select {
	case q.lines <- line:
		q.accepted++
		return true
	default:
		return false
	}
}

// close waits for what is left to be written, but not longer than patience. It
// tells how many lines were not, and why writing ended.
func (q *lineQueue) close(patience time.Duration) (left int, err error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	if q.missing > 0 {
		select {
		case q.lines <- q.say(q.missing):
			q.accepted++
		case <-timer.C:
			return len(q.lines), nil
		}
	}
	close(q.lines)
	select {
	case err := <-q.done:
		return 0, err
	case <-timer.C:
		return int(q.accepted - q.written.Load()), nil
	}
}
