// Command overhead measures what a running map costs: the programs that it
// watches, and the machine.
//
// It has five subjects. nginx compares a loaded web server with and without the
// map beside it, in rounds of random order, and once more without against
// without, which is the noise. rate lets the map follow new connections at a
// steady pace; idle lets it watch connections on which nothing happens; memory
// does so with very many of them. serve runs the agent on a mesh of processes, while
// nobody looks and while somebody does.
//
// Everything runs in network namespaces of its own, is bounded in time, and is
// ended with the program, however that ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// settings are the flags.
type settings struct {
	tool, source, prefix string

	runs         int
	length, warm time.Duration
	connections  int
	closeThreads int
	stats        bool

	rate       int
	rateLength time.Duration
	idle       int
	idleLength time.Duration
	many       int
	snapshots  int

	edges, used  int
	serveLength  time.Duration
	way, profile string
}

func main() {
	// The main goroutine starts the tool, and the kernel ends a child when the
	// thread that started it ends: so it keeps its thread.
	runtime.LockOSThread()
	if len(os.Args) > 1 && os.Args[1] == childArg {
		if err := child(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "overhead:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "overhead:", err)
		}
		os.Exit(1)
	}
}

func parse(args []string) (settings, []string, error) {
	var s settings
	f := flag.NewFlagSet("overhead", flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprintln(f.Output(), "usage: overhead [flags] nginx|rate|idle|memory|serve ...")
		f.PrintDefaults()
	}
	f.StringVar(&s.tool, "tool", "bin/peerscope", "the peerscope to measure")
	f.StringVar(&s.source, "source", "auto", "its --source")
	f.StringVar(&s.prefix, "netns-prefix", "pscost", "how the names of the namespaces begin; the pid follows")
	f.IntVar(&s.runs, "runs", 7, "nginx: rounds, each once with and twice without the tool")
	f.DurationVar(&s.length, "length", 5*time.Second, "nginx: of a run, in whole seconds")
	f.DurationVar(&s.warm, "warm", time.Second, "nginx: load before each run, in whole seconds")
	f.IntVar(&s.connections, "connections", 32, "nginx: at a time")
	f.IntVar(&s.closeThreads, "close-threads", 2, "nginx: threads of wrk where each request is a connection; 2 fill two cores, 1 leaves some of one free")
	f.BoolVar(&s.stats, "bpf-stats", false, "nginx: one more run of each load in which the kernel counts the runs of the tool's programs")
	f.IntVar(&s.rate, "rate", 10_000, "rate: new connections a second")
	f.DurationVar(&s.rateLength, "rate-length", 30*time.Second, "rate: how long, in whole seconds")
	f.IntVar(&s.idle, "idle", 1_000, "idle: connections")
	f.DurationVar(&s.idleLength, "idle-length", 30*time.Second, "idle: how long the map watches")
	f.IntVar(&s.many, "many", 100_000, "memory: connections")
	f.IntVar(&s.snapshots, "snapshots", 10, "idle, memory: maps of what is open now")
	f.IntVar(&s.edges, "edges", 5_000, "serve: edges, in hundreds; each has ten connections")
	f.IntVar(&s.used, "used", 1_000, "serve: connections that are used a second, each time of other edges")
	f.DurationVar(&s.serveLength, "serve-length", 30*time.Second, "serve: how long each measurement takes, in whole seconds")
	f.StringVar(&s.way, "way", "", "serve: how the stream is looked at, as a query: level=process&limit=0; empty: as the web map does at first")
	f.StringVar(&s.profile, "profile", "", "serve: a folder for processor profiles, alone.pprof and looked.pprof; empty: none")
	if err := f.Parse(args); err != nil {
		return s, nil, err
	}
	for name, n := range map[string]int{"runs": s.runs, "connections": s.connections, "close-threads": s.closeThreads, "rate": s.rate,
		"idle": s.idle, "many": s.many, "snapshots": s.snapshots} {
		if n < 1 {
			return s, nil, fmt.Errorf("-%s %d: it must be at least 1", name, n)
		}
	}
	for name, d := range map[string]time.Duration{"length": s.length, "warm": s.warm, "rate-length": s.rateLength, "serve-length": s.serveLength} {
		if d < time.Second || d%time.Second != 0 {
			return s, nil, fmt.Errorf("-%s %v: it must be whole seconds", name, d)
		}
	}
	if s.edges < meshEdges || s.edges%meshEdges != 0 {
		return s, nil, fmt.Errorf("-edges %d: it must be a multiple of %d", s.edges, meshEdges)
	}
	if s.used < 0 {
		return s, nil, fmt.Errorf("-used %d: it must not be negative", s.used)
	}
	if f.NArg() == 0 {
		return s, nil, errors.New("nothing to measure: name nginx, rate, idle, memory or serve")
	}
	for _, subject := range f.Args() {
		if !slices.Contains([]string{"nginx", "rate", "idle", "memory", "serve"}, subject) {
			return s, nil, fmt.Errorf("unknown subject %q: it is nginx, rate, idle, memory or serve", subject)
		}
	}
	return s, f.Args(), nil
}

func run(ctx context.Context, args []string) error {
	s, subjects, err := parse(args)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("this makes network namespaces: run it as root")
	}
	if err := sweep(s.prefix); err != nil {
		return err
	}
	r := newReport(os.Stdout, s.source)
	r.machine()
	for _, subject := range subjects {
		r.head(subject)
		sp, err := newSpace(s.prefix, subject)
		if err != nil {
			return err
		}
		switch subject {
		case "nginx":
			err = measureNginx(ctx, s, sp, r)
		case "rate":
			err = measureRate(ctx, s, sp, r)
		case "idle":
			err = measureIdle(ctx, s, sp, r)
		case "memory":
			err = measureMemory(ctx, s, sp, r)
		case "serve":
			err = measureServe(ctx, s, sp, r)
		}
		if err = errors.Join(err, sp.close()); err != nil {
			r.lines()
			return fmt.Errorf("measure %s: %w", subject, err)
		}
	}
	r.lines()
	if len(r.problems) > 0 {
		return fmt.Errorf("the figures above cannot be trusted, or the map is wrong:\n  %s", strings.Join(r.problems, "\n  "))
	}
	return nil
}
