package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"peerscope/internal/flow"
	"peerscope/internal/recording"
	"peerscope/internal/topology"
)

// replayWindows gives the map of each window of a recording, in its order and at
// its pace: speed 2 is twice as fast as it was recorded, 0 as fast as it goes.
// One that was recorded as a single window gives one map. It ends with ctx, and
// then without an error.
func replayWindows(ctx context.Context, path string, speed float64, emit func(*topology.Map), stderr io.Writer) error {
	began := time.Now()
	var passed time.Duration // of the recording, but for the time between windows
	w := newWindows(newPipeline(), func(m *topology.Map) {
		passed += m.Window.Length()
		if speed > 0 && !waitUntil(ctx, began.Add(time.Duration(float64(passed)/speed))) {
			return
		}
		if ctx.Err() == nil {
			emit(m)
		}
	})
	if err := replay(ctx, path, w.take, stderr); err != nil || ctx.Err() != nil {
		return err
	}
	w.rest()
	return nil
}

// waitUntil reports whether that time came before ctx ended.
func waitUntil(ctx context.Context, t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// checkRecording refuses what cannot be a recording before anything else is done.
func checkRecording(name string) error {
	st, err := os.Stat(name)
	switch {
	case err != nil:
		return fmt.Errorf("--from %s: %w", name, unwrapPath(err))
	case st.IsDir():
		return fmt.Errorf("--from %s: it is a directory; give a file that peerscope record -w wrote", name)
	}
	return nil
}

// unwrapPath is the error without the path that the text before it has already.
func unwrapPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// replay reads a recording into emit. A file that was cut off is read as far as
// it goes, and said so. When ctx ends it stops, without an error.
func replay(ctx context.Context, path string, emit func(flow.Observation), stderr io.Writer) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open recording: %w", err)
	}
	defer f.Close()
	return replayFrom(ctx, f, path, emit, stderr)
}

func replayFrom(ctx context.Context, in io.Reader, path string, emit func(flow.Observation), stderr io.Writer) error {
	r, err := recording.NewReader(in)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var end flow.Time // of the latest window that is over; 0: none, or another has begun
	for ctx.Err() == nil {
		o, err := r.Next()
		var cut *recording.TruncatedError
		switch {
		case errors.Is(err, io.EOF):
			if n := r.Skipped(); n > 0 {
				fmt.Fprintf(stderr, "peerscope: %s: %s of a kind that this version does not know left out\n", path, plural(int(n), "observation"))
			}
			if end == 0 {
				fmt.Fprintf(stderr, "peerscope: %s: the recording has no end: it was cut off, or is still being written; the map is of what is there\n", path)
			}
			return nil
		case errors.As(err, &cut):
			fmt.Fprintf(stderr, "peerscope: %s: %v\n", path, err)
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", path, err)
		}
		if w, ok := o.(*flow.Window); ok {
			switch {
			case w.End != 0:
				end = max(end, w.End)
			case w.Start >= end:
				end = 0
			}
		}
		emit(o)
	}
	return nil
}
