package main

import (
	"context"
	"fmt"
)

// loads are the two kinds. With one thread a keep-alive load fills both cores
// of two; where each request is a connection wrk has more to do than the
// server, so a second thread fills what is left.
func loads(s settings) []load {
	return []load{
		{name: "keepalive", title: "keep-alive", threads: 1, cpuAtMost: 1.03, rateAtLeast: 0.97},
		{name: "close", title: "a new connection for each request", threads: s.closeThreads, headers: []string{"Connection: close"},
			cpuAtMost: 1.08, rateAtLeast: 0.93},
	}
}

// measureNginx is the subject nginx.
func measureNginx(ctx context.Context, s settings, sp *space, r *report) error {
	for _, l := range loads(s) {
		server, err := startNginx(ctx, sp)
		if err != nil {
			return err
		}
		b := &bench{settings: s, space: sp, server: server, load: l, report: r}
		err = b.measure(ctx)
		server.stop()
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}

func (b *bench) measure(ctx context.Context) error {
	r, l := b.report, b.load
	r.say("\n-- %s: 1 worker, wrk with %d threads and %d connections, %d rounds of %v after %v", l.title, l.threads, b.connections,
		b.runs, b.length, b.warm)
	done, err := b.rounds(ctx)
	if err != nil {
		return err
	}
	b.compare(done)
	last := done.with[len(done.with)-1]
	r.kernel(last.inside, 2*b.connections)
	if !b.stats || len(last.inside.programs) == 0 {
		return nil
	}
	r.say("one more run, with the kernel's statistics of eBPF programs on, which cost too:")
	counted, err := b.run(ctx, true, true)
	if err != nil {
		return err
	}
	b.check(counted, l.name+", counted")
	r.runs(l.name, counted.counted, counted.wrk.requests, "request")
	return nil
}

// compare writes the table of a load and judges it.
func (b *bench) compare(done rounds) {
	r, l := b.report, b.load
	rows := [][]string{{"median (lowest to highest)", "without", "with", "with/without", "noise: without/without"}}
	ratios := map[string]float64{}
	for _, f := range []struct {
		name, unit string
		of         func(sample) float64
	}{
		{"requests", "req/s", func(s sample) float64 { return s.wrk.rate }},
		{"cpu", "us/req", sample.serving},
		{"kernel-threads", "us/req", func(s sample) float64 { return s.perRequest(s.kernel) }},
		{"everything", "us/req", sample.everything},
		{"others", "%core", func(s sample) float64 { return 100 * s.others }},
	} {
		without, again, with := seriesOf(done.without, f.of), seriesOf(done.again, f.of), seriesOf(done.with, f.of)
		all := append(append(series{}, without...), again...)
		if f.name == "others" {
			rows = append(rows, []string{f.name + ", " + f.unit, all.describe(), with.describe()})
			r.keep(l.name+"/others", append(all, with...).median(), f.unit)
			continue
		}
		ratio, noise := with.median()/all.median(), again.over(without)
		ratios[f.name] = ratio
		low, high := with.over(means(without, again)).spread()
		rows = append(rows, []string{f.name + ", " + f.unit, all.describe(), with.describe(),
			fmt.Sprintf("%.3f (rounds %.3f to %.3f)", ratio, low, high), noise.describe()})
		r.keep(l.name+"/"+f.name+"/without", all.median(), f.unit)
		r.keep(l.name+"/"+f.name+"/with", with.median(), f.unit)
		noiseLow, noiseHigh := noise.spread()
		r.keep(l.name+"/"+f.name+"/noise-low", noiseLow, "ratio")
		r.keep(l.name+"/"+f.name+"/noise-high", noiseHigh, "ratio")
	}
	r.rows(rows)
	r.say("cpu is nginx and wrk; everything adds the kernel's threads and the tool; others is the rest of the machine: it should be near 0")
	r.by(done.with[0].tool.connected)
	r.judge(l.name+"/cpu-ratio", ratios["cpu"], "ratio", false, l.cpuAtMost)
	r.judge(l.name+"/requests-ratio", ratios["requests"], "ratio", true, l.rateAtLeast)
	r.info(l.name+"/everything-ratio", ratios["everything"], "ratio")
	core := func(s sample) float64 { return 100 * s.during.Seconds() / b.length.Seconds() }
	r.info(l.name+"/tool-cpu", seriesOf(done.with, core).median(), "%core")
	own := func(s sample) float64 { return s.perRequest(s.during) }
	r.info(l.name+"/tool-cpu-request", seriesOf(done.with, own).median(), "us/req")
	perConnection := func(s sample) float64 { return float64(s.tool.total.Microseconds()) / float64(max(s.truth.active, 1)) }
	if l.headers != nil {
		r.info(l.name+"/tool-cpu-connection", seriesOf(done.with, perConnection).median(), "us/conn")
	}
	r.info(l.name+"/tool-rss", seriesOf(done.with, func(s sample) float64 { return mib(s.tool.peak) }).median(), "MiB")
}

func seriesOf(samples []sample, of func(sample) float64) series {
	var out series
	for _, s := range samples {
		out = append(out, of(s))
	}
	return out
}

// means is the mean of two runs of each round.
func means(a, b series) series {
	out := make(series, len(a))
	for i := range a {
		out[i] = (a[i] + b[i]) / 2
	}
	return out
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
