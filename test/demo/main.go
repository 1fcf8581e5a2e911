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
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
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
	listen := flag.String("listen", "", "where that one serves (default 127.0.0.1:4180, or any free port if that is taken)")
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
	places, err := buildNetwork(ctx)
	defer places.remove()
	if err != nil {
		return err
	}
	s := &stage{dir: dir}
	defer s.stop()
	if err := s.start(system(dir)); err != nil {
		return err
	}
	fmt.Printf("a shop of %d programs lives in the network namespaces %v\n", len(s.running), places.names())
	ctx, end := context.WithCancel(ctx)
	defer end()
	done := make(chan struct{})
	go func() { defer close(done); s.happenings(ctx, dir) }()
	if tool != "" {
		err = serve(ctx, tool, listen, dir, places.names())
		end()
	} else {
		<-ctx.Done()
	}
	<-done
	return err
}

// serve runs the tool on what happens in these namespaces, and nowhere else. It
// reads no configuration of this host and writes to no history but one in dir: who
// plays with the demo tells nobody, and remembers nothing.
func serve(ctx context.Context, tool, listen, dir string, namespaces []string) error {
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, []byte("# everything is as it is by default\n"), 0o600); err != nil {
		return fmt.Errorf("write a configuration: %w", err)
	}
	if listen == "" {
		listen = freeAddress(defaultListen)
	}
	args := []string{"serve", "--config", config, "--history", filepath.Join(dir, "history"), "--listen", listen}
	for _, n := range namespaces {
		args = append(args, "--netns", n)
	}
	c := exec.CommandContext(ctx, tool, args...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 10 * time.Second
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PEERSCOPE_") || strings.HasPrefix(v, "OTEL_") })
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("peerscope serve: %w", err)
	}
	return nil
}

const defaultListen = "127.0.0.1:4180"

// freeAddress is wanted, or any port if somebody has that one, perhaps a serve that
// observes this host.
func freeAddress(wanted string) string {
	l, err := net.Listen("tcp", wanted)
	if err != nil {
		return "127.0.0.1:0"
	}
	l.Close()
	return wanted
}
