// Command kernels plays scenarios of the lab on other kernels than this one.
//
// It fetches kernels of Debian through apt, boots each in qemu with an initial
// file system made of this tree's own programs, lets the lab play in there with
// eBPF, and says for each kernel which rung the source took, what it could not
// see, and how the maps were judged. The same program is the first process of
// the guest.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// settings are the flags.
type settings struct {
	kernels   []kernel
	scenarios string // regular expression of names; empty: those of core
	tests     string // regular expression of the source's own tests
	cache     string
	docs      string // page to write the results into; empty: none
	accel     string
	bound     time.Duration
	verbose   bool
}

func main() {
	if os.Getpid() == 1 {
		guest()
		return
	}
	if len(os.Args) == 2 && os.Args[1] == guestArg {
		if err := inGuest(); err != nil {
			fmt.Println("kernels: guest:", err)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "kernels:", err)
		}
		os.Exit(1)
	}
}

func parse(args []string) (settings, error) {
	var s settings
	f := flag.NewFlagSet("kernels", flag.ContinueOnError)
	names := f.String("kernels", "", "comma-separated; empty: "+strings.Join(kernelNames(), ","))
	f.StringVar(&s.scenarios, "run", "", "regular expression of the scenarios to play; empty: the core ones")
	f.StringVar(&s.tests, "tests", "^Test(ShortConnections|Bound|NothingStays)$/^100$", "regular expression of the tests of internal/capture/ebpf to run")
	f.StringVar(&s.cache, "cache", "", "folder for kernels and logs; empty: peerscope/kernels in the user's cache")
	f.StringVar(&s.docs, "docs", "", "page whose table takes in the results")
	f.StringVar(&s.accel, "accel", "tcg,thread=multi", "qemu's accelerator")
	f.DurationVar(&s.bound, "bound", 20*time.Minute, "how long one kernel may take")
	f.BoolVar(&s.verbose, "v", false, "print all that the guest says")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	var err error
	if s.kernels, err = kernelsOf(*names); err != nil {
		return s, err
	}
	if s.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return s, fmt.Errorf("find the cache (give -cache): %w", err)
		}
		s.cache = filepath.Join(dir, "peerscope", "kernels")
	}
	return s, nil
}

func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if err := needPrograms(); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "peerscope-kernels")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(work)
	base, err := newBase(ctx, work)
	if err != nil {
		return err
	}
	var results []result
	for _, k := range s.kernels {
		r, err := s.play(ctx, k, base, work)
		if err != nil {
			return fmt.Errorf("kernel %s: %w", k.name, err)
		}
		printResult(os.Stdout, r)
		results = append(results, r)
		if s.docs == "" {
			continue
		}
		if err := rewrite(s.docs, results); err != nil {
			return err
		}
	}
	fmt.Printf("\n%s", table(results, ""))
	return verdict(results)
}

// play fetches a kernel, boots it and reads what came of it.
func (s *settings) play(ctx context.Context, k kernel, b *base, work string) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.bound)
	defer cancel()
	files, err := fetch(ctx, k, s.cache)
	if err != nil {
		return result{}, err
	}
	modules, err := files.closure(wantedModules)
	if err != nil {
		return result{}, err
	}
	image := filepath.Join(work, k.name+".cpio")
	if err := b.write(image, modules, s.plan(k, modules)); err != nil {
		return result{}, err
	}
	out, err := s.boot(ctx, k, files, image)
	if err != nil {
		return result{}, err
	}
	return read(k, files.version, out), nil
}

// plan is what the guest does.
func (s *settings) plan(k kernel, modules []module) plan {
	p := plan{}
	for _, m := range modules {
		p.Modules = append(p.Modules, m.guestPath())
	}
	scenarios := s.scenarios
	if scenarios == "" {
		scenarios = "^(" + strings.Join(k.scenarios(), "|") + ")$"
	}
	lab := []string{guestLab, "-test.v", "-test.timeout", s.bound.String(), "-test.run", "^TestLab$/^ebpf$/" + scenarios, "-source", "ebpf"}
	p.Commands = []command{
		{Name: sectionVersion, Args: []string{guestTool, "version"}},
		{Name: sectionDoctor, Args: []string{guestTool, "doctor"}},
		{Name: sectionMap, Args: []string{guestTool, "map", "--source", "ebpf", "--for", "1s", "-o", "json"}},
		{Name: sectionTests, Args: []string{guestTests, "-test.v", "-test.run", s.tests}},
		{Name: sectionLab, Args: lab},
	}
	return p
}
