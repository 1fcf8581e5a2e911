package main

import (
	"context"
	"io"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// windows hands observations to a pipeline and gives the map of each window when
// the next one begins: live and replayed they come in the same order, so that
// the maps are the same.
type windows struct {
	p      *pipeline
	window flow.Window // what was told of the one that is open
	filled bool        // something was told since the latest map
	emit   func(*topology.Map)
	closed func(*pipeline, *topology.Map) // before what a map was made of is forgotten; nil: nobody
}

func newWindows(p *pipeline, emit func(*topology.Map)) *windows { return &windows{p: p, emit: emit} }

func (w *windows) take(o flow.Observation) {
	if b, ok := o.(*flow.Window); ok {
		if w.isNext(b) {
			w.close()
		}
		if b.Start != 0 && (w.window.Start == 0 || b.Start < w.window.Start) {
			w.window.Start = b.Start
		}
		w.window.End = max(w.window.End, b.End)
	}
	w.filled = true
	w.p.take(o)
}

// isNext: these are the bounds of another window than the open one, which has
// been told to be over. Of one window they may be told several times, with starts
// that are a little apart. Where the clock was set back, the next window begins
// before the one that is over.
func (w *windows) isNext(b *flow.Window) bool {
	const apart = flow.Time(1e6)
	return w.window.End > w.window.Start && b.Start != 0 && (b.Start >= w.window.End || b.Start < w.window.Start-apart)
}

// close gives the map of the open window, and opens the next one.
func (w *windows) close() {
	m := w.p.close()
	if w.closed != nil {
		w.closed(w.p, m)
	}
	w.emit(m)
	w.p.ledger.Reset()
	w.window, w.filled = flow.Window{}, false
}

// rest gives the map of what was told since the latest one, if anything was.
func (w *windows) rest() {
	if w.filled {
		w.close()
	}
}

// joined is the one map of all windows that fill tells of.
func joined(p *pipeline, fill func(emit func(flow.Observation)) error) (*topology.Map, error) {
	var whole *topology.Map
	w := newWindows(p, func(m *topology.Map) {
		if whole == nil {
			whole = m
		} else {
			whole = topology.Merge(whole, m)
		}
	})
	w.filled = true // nothing at all makes an empty map
	if err := fill(w.take); err != nil {
		return nil, err
	}
	w.rest()
	return whole, nil
}

// replayJoined is the map of a recording.
func replayJoined(ctx context.Context, p *pipeline, in io.Reader, name string, stderr io.Writer) (*topology.Map, error) {
	return joined(p, func(emit func(flow.Observation)) error { return replayFrom(ctx, in, name, emit, stderr) })
}
