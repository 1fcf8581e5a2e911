package main

import (
	"context"
	"fmt"
	"time"
)

const (
	// perConnectionTarget is in microseconds of the tool's processor time.
	perConnectionTarget = 5
	// held is the share of the asked rate from which on it counts as held.
	held = 0.99
)

// paceResult is one run of the paced load with the tool beside it.
type paceResult struct {
	paced
	tool    use
	truth   tcpCounters
	inside  kernelSide
	counted []program
}

// measureRate is the subject rate.
func measureRate(ctx context.Context, s settings, sp *space, r *report) (err error) {
	server, err := startHelper(sp, "answer")
	if err != nil {
		return err
	}
	defer func() {
		if stopped := server.stop(); err == nil {
			err = stopped
		}
	}()
	var port int
	if err := server.hear(&port, 10*time.Second); err != nil {
		return err
	}
	alone, err := pacedLoad(ctx, s, sp, port, 3*time.Second)
	if err != nil {
		return err
	}
	p, err := paceWithTool(ctx, s, sp, port, s.rateLength, false)
	if err != nil {
		return err
	}
	reached := float64(p.Connections) / p.Seconds
	r.say("asked %d new connections a second for %v, reached %.0f (%.0f in 3 s without the tool)", s.rate, s.rateLength, reached,
		float64(alone.Connections)/alone.Seconds)
	r.by(p.tool.connected)
	for _, l := range []paced{alone, p.paced} {
		if l.Failed > 0 {
			r.problem("rate: %d connections of the load failed, the first with: %s", l.Failed, l.Why)
		}
	}
	if reached < held*float64(s.rate) {
		r.problem("rate: %d a second could not be held, the figures are of %.0f", s.rate, reached)
	}
	if p.truth.active != p.truth.passive || p.truth.active != p.Connections+p.Failed {
		r.problem("rate: the load says %d connections, the kernel %d connects and %d accepted", p.Connections+p.Failed, p.truth.active, p.truth.passive)
	}
	checkMap(r, "rate", p.tool.connected, p.truth.active)
	n := float64(p.truth.active)
	us := func(t time.Duration) float64 { return float64(t.Nanoseconds()) / 1000 / n }
	r.info("rate/reached", reached, "conn/s")
	r.info("rate/connections", n, "conn")
	r.info("rate/in-map", float64(p.tool.connected.all()), "conn")
	r.info("rate/both-named", 100*float64(p.tool.connected.named)/n, "%")
	r.judge("rate/tool-cpu", us(p.tool.total), "us/conn", false, perConnectionTarget)
	r.info("rate/tool-system", us(p.tool.system), "us/conn")
	r.info("rate/tool-window", us(p.tool.window), "us/conn")
	r.info("rate/tool-core", 100*p.tool.window.Seconds()/p.tool.observed.Seconds(), "%core")
	r.info("rate/tool-rss", mib(p.tool.peak), "MiB")
	tables, programs := p.inside.memory()
	r.info("rate/kernel-maps", mib(tables), "MiB")
	r.info("rate/kernel-programs", mib(programs), "MiB")
	r.kernel(p.inside, 0)
	if len(p.inside.programs) == 0 {
		return nil
	}
	r.say("once more for 10 s, with the kernel's statistics of eBPF programs on, which cost too:")
	p, err = paceWithTool(ctx, s, sp, port, min(s.rateLength, 10*time.Second), true)
	if err != nil {
		return err
	}
	checkMap(r, "rate, counted", p.tool.connected, p.truth.active)
	r.runs("rate", p.counted, p.truth.active, "conn")
	return nil
}

// paceWithTool lets the load run in a window of the tool.
func paceWithTool(ctx context.Context, s settings, sp *space, port int, length time.Duration, count bool) (p paceResult, err error) {
	t, err := startTool(ctx, s, sp, 2*length+startBound)
	if err != nil {
		return p, err
	}
	defer t.kill()
	before, err := sp.tcp()
	if err != nil {
		return p, err
	}
	var inside kernelSide
	if count {
		counting, err := countRuns()
		if err != nil {
			return p, err
		}
		defer counting.Close()
		if inside, err = lookIntoKernel(t.pid()); err != nil {
			return p, err
		}
	}
	if p.paced, err = pacedLoad(ctx, s, sp, port, length); err != nil {
		return p, err
	}
	time.Sleep(settle)
	after, err := sp.tcp()
	if err != nil {
		return p, err
	}
	p.truth = after.since(before)
	if p.inside, err = lookIntoKernel(t.pid()); err != nil {
		return p, err
	}
	p.counted = p.inside.since(inside)
	p.tool, err = t.finish()
	return p, err
}

// pacedLoad makes the connections and waits until they are over.
func pacedLoad(ctx context.Context, s settings, sp *space, port int, length time.Duration) (p paced, err error) {
	client, err := startHelper(sp, "dial", port, s.rate, int(length/time.Second))
	if err != nil {
		return p, err
	}
	ended := context.AfterFunc(ctx, func() { _ = client.cmd.Process.Kill() })
	defer ended()
	err = client.hear(&p, 2*length+10*time.Second)
	if stopped := client.stop(); err == nil {
		err = stopped
	}
	if err == nil && p.Seconds == 0 {
		err = fmt.Errorf("the load made no connection")
	}
	return p, err
}
