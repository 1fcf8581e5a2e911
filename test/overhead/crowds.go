package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The targets of a crowd of connections.
const (
	idleTarget     = 0.5      // per cent of a core
	residentBase   = 64 << 20 // bytes, and
	residentEach   = 400      // bytes a connection
	snapshotTarget = 1000     // milliseconds
	// manyLength is how long the map watches very many connections: time for
	// several looks.
	manyLength = 10 * time.Second
)

// measureIdle is the subject idle: connections on which nothing happens.
func measureIdle(ctx context.Context, s settings, sp *space, r *report) error {
	c, err := gather(ctx, sp, s.idle)
	if err != nil {
		return err
	}
	err = func() error {
		u, k, err := watch(ctx, s, sp, s.idleLength)
		if err != nil {
			return err
		}
		r.say("%d connections on which nothing happens, watched for %v", s.idle, u.observed.Round(time.Millisecond))
		r.by(u.connected)
		checkMap(r, "idle", u.connected, uint64(s.idle))
		r.judge("idle/tool-cpu", 100*u.window.Seconds()/u.observed.Seconds(), "%core", false, idleTarget)
		r.info("idle/tool-start", milliseconds(u.start), "ms")
		r.info("idle/tool-rss", mib(u.peak), "MiB")
		tables, _ := k.memory()
		r.info("idle/kernel-maps", mib(tables), "MiB")
		r.kernel(k, 2*s.idle)
		return snapshots(ctx, s, sp, r, "idle", s.idle)
	}()
	return errors.Join(err, c.leave())
}

// measureMemory is the subject memory: very many connections.
func measureMemory(ctx context.Context, s settings, sp *space, r *report) error {
	began := time.Now()
	c, err := gather(ctx, sp, s.many)
	if err != nil {
		return err
	}
	took := time.Since(began)
	err = func() error {
		u, k, err := watch(ctx, s, sp, manyLength)
		if err != nil {
			return err
		}
		r.say("%d open connections of %d processes (opened within %v), watched for %v", s.many, len(c.helpers), took.Round(time.Millisecond),
			u.observed.Round(time.Millisecond))
		r.by(u.connected)
		checkMap(r, "memory", u.connected, uint64(s.many))
		limit := mib(residentBase + residentEach*uint64(s.many))
		r.judge("memory/tool-rss", mib(u.resident), "MiB", false, limit)
		r.judge("memory/tool-rss-peak", mib(u.peak), "MiB", false, limit)
		r.info("memory/tool-rss-connection", float64(u.resident)/float64(s.many), "B/conn")
		r.info("memory/tool-cpu", 100*u.window.Seconds()/u.observed.Seconds(), "%core")
		r.info("memory/tool-start", milliseconds(u.start), "ms")
		tables, _ := k.memory()
		r.info("memory/kernel-maps", mib(tables), "MiB")
		r.kernel(k, 2*s.many)
		return snapshots(ctx, s, sp, r, "memory", s.many)
	}()
	return errors.Join(err, c.leave())
}

// watch runs the tool for a while on what is there.
func watch(ctx context.Context, s settings, sp *space, length time.Duration) (u use, k kernelSide, err error) {
	t, err := startTool(ctx, s, sp, length+startBound)
	if err != nil {
		return u, k, err
	}
	defer t.kill()
	select {
	case <-time.After(length):
	case <-ctx.Done():
		return u, k, ctx.Err()
	case <-t.done:
		return u, k, fmt.Errorf("%s ended too early: %v: %s", t, t.err, t.said.String())
	}
	if k, err = lookIntoKernel(t.pid()); err != nil {
		return u, k, err
	}
	u, err = t.finish()
	return u, k, err
}

// snapshots times maps of what is open now.
func snapshots(ctx context.Context, s settings, sp *space, r *report, subject string, connections int) error {
	var took series
	for range s.snapshots {
		t, count, err := snapshot(ctx, s, sp)
		if err != nil {
			return err
		}
		took = append(took, milliseconds(t))
		if count.active != uint64(connections) {
			checkMap(r, subject+", map --for 0", count, uint64(connections))
		}
	}
	best, _ := took.spread()
	r.say("map --for 0, from the start of the program to its end, %d times: %s ms", len(took), took.describe())
	r.info(subject+"/snapshot-best", best, "ms")
	r.judge(subject+"/snapshot", took.median(), "ms", false, snapshotTarget)
	return nil
}

func milliseconds(t time.Duration) float64 { return float64(t.Microseconds()) / 1000 }
