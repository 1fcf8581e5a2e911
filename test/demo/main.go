// Command demo is a small living system to look at: a shop with users, a web
// server, an API, a database, a cache, a queue and a worker, each a process of
// its own, in network namespaces of their own. Its load is bounded, it ends by
// itself, and removes everything it made.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// roleVariable holds what a process of the demo is to do; without it the program
// is the demo itself.
const roleVariable = "PEERSCOPE_DEMO_ROLE"

func main() {
	if text := os.Getenv(roleVariable); text != "" {
		if err := play(text); err != nil {
			fmt.Fprintln(os.Stderr, filepath.Base(os.Args[0])+":", err)
			os.Exit(1)
		}
		return
	}
	length := flag.Duration("for", 10*time.Minute, "how long it lives")
	tool := flag.String("tool", "", "a peerscope to serve what happens there; empty: only the system")
	listen := flag.String("listen", "127.0.0.1:4180", "where that one serves")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *length)
	defer cancel()
	if err := run(ctx, *tool, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func play(text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return fmt.Errorf("read the role: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return r.play(ctx)
}

// run builds the system, keeps it alive until ctx ends, and takes it down.
func run(ctx context.Context, tool, listen string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("it makes network namespaces, which takes root: sudo make demo")
	}
	dir, err := os.MkdirTemp("", "peerscope-demo-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	net, err := buildNetwork(ctx)
	defer net.remove()
	if err != nil {
		return err
	}
	s := &stage{dir: dir}
	defer s.stop()
	if err := s.start(system(dir)); err != nil {
		return err
	}
	fmt.Printf("a shop of %d programs lives in the network namespaces %v\n", len(s.running), net.names())
	done := make(chan struct{})
	go func() { defer close(done); s.happenings(ctx, dir) }()
	if tool != "" {
		err = serve(ctx, tool, listen, net.names())
	} else {
		<-ctx.Done()
	}
	<-done
	return err
}

// serve runs the tool on what happens in these namespaces, and nowhere else.
func serve(ctx context.Context, tool, listen string, namespaces []string) error {
	args := []string{"serve", "--listen", listen}
	for _, n := range namespaces {
		args = append(args, "--netns", n)
	}
	c := exec.CommandContext(ctx, tool, args...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 10 * time.Second
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("peerscope serve: %w", err)
	}
	return nil
}
