// Command soak plays the life of a host through engine, ledger, map and merge, a
// day of it as fast as the machine can, and judges: every count against its own
// sums, memory that stays flat, and what a window costs.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	var o options
	flag.Float64Var(&o.scale, "scale", 0.05, "size of the host whose day is played: 1 has 5,000 live edges and 50,000 connections")
	flag.IntVar(&o.windows, "windows", 8640, "how many windows of 10 s are played; 8640 are a day")
	flag.IntVar(&o.steady, "steady", 40, "how many windows of the host of scale 1 are measured first; 0: none")
	flag.BoolVar(&o.metrics, "metrics", true, "also add up the windows to metrics")
	flag.StringVar(&o.history, "history", "", "also keep a history in this folder, which must not exist")
	flag.Uint64Var(&o.seed, "seed", 1, "of everything that is random")
	flag.Parse()
	if flag.NArg() > 0 || o.scale <= 0 || o.scale > 10 || o.windows < 0 || o.steady < 0 {
		fmt.Fprintln(os.Stderr, "soak: want flags only, -scale above 0 and at most 10, and numbers of windows that are not negative; see -help")
		os.Exit(2)
	}
	if err := o.run(os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	scale           float64
	windows, steady int
	metrics         bool
	history         string
	seed            uint64
}

// What a window may cost on a host with 5,000 live edges and 50,000 connections.
const (
	mostShare  = 0.03              // of a core, at windows of 10 s
	mostMemory = uint64(200 << 20) // resident, at its highest
)

func (o options) run(out io.Writer) error {
	if o.steady > 0 {
		s, err := measure(o.seed, o.steady)
		if err != nil {
			return err
		}
		s.write(out)
		if err := s.judge(); err != nil {
			return err
		}
	}
	if o.windows == 0 {
		return nil
	}
	return o.day(out)
}

// day plays the windows and judges every hour.
func (o options) day(out io.Writer) error {
	a, err := newAgent(o.metrics, o.history)
	if err != nil {
		return err
	}
	defer a.close()
	l := newLife(o.seed, o.scale)
	fmt.Fprintf(out, "a host with %d live edges and %d connections, %s of windows of 10 s\n", l.liveEdges(), l.open(), time.Duration(o.windows)*window)
	fmt.Fprintf(out, "%5s %8s %8s %9s %9s %8s %8s %6s %9s\n", "hour", "heap", "rss", "opened", "closed", "failed", "edges", "lost", "ms/window")
	var hours []hour
	for w := range o.windows {
		a.play(l)
		if (w+1)%windowsPerHour != 0 && w+1 != o.windows {
			continue
		}
		h, err := a.turn(l)
		if err != nil {
			return fmt.Errorf("hour %d: %w", len(hours), err)
		}
		h.write(out, len(hours))
		if (w+1)%windowsPerHour == 0 {
			hours = append(hours, h)
		}
	}
	fmt.Fprintf(out, "all counts of %d edges agree with what was played\n", a.judged)
	return flat(out, hours)
}

const (
	window         = 10 * time.Second
	windowsPerHour = int(time.Hour / window)
)
