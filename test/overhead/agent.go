package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"
)

// The targets of an agent on a host with 5,000 edges and 50,000 connections.
const (
	aloneTarget  = 3.0 // per cent of a core, while nobody looks
	lookedTarget = 8.0 // while somebody does
	agentMemory  = 200 << 20
	// agentSettle is how long an agent runs before it is measured: its first windows,
	// and the indexes that grow in them, are not what it costs.
	agentSettle = 25 * time.Second
)

// measureServe is the subject serve: what an agent costs that watches a mesh, while
// nobody looks and while a browser does.
func measureServe(ctx context.Context, s settings, sp *space, r *report) error {
	c, err := weave(ctx, sp, s.edges, s.used)
	if err != nil {
		return err
	}
	err = func() error {
		a, err := startAgent(ctx, s, sp)
		if err != nil {
			return err
		}
		defer a.stop()
		if err := pause(ctx, agentSettle); err != nil {
			return err
		}
		r.say("%d edges of %d connections, %d of them used a second", s.edges, s.edges*meshEach, s.used)
		alone, err := a.share(ctx, s.serveLength, s.profile, "alone")
		if err != nil {
			return err
		}
		r.judge("serve/alone", 100*alone, "%core", false, aloneTarget)
		m, err := residentOf(a.cmd.Process.Pid)
		if err != nil {
			return err
		}
		r.judge("serve/rss-alone", mib(m.now), "MiB", false, mib(agentMemory))
		look, stop := context.WithCancel(ctx)
		defer stop()
		got := make(chan looked, 1)
		go func() { got <- a.look(look, s.way) }()
		if err := pause(ctx, agentSettle); err != nil {
			return err
		}
		share, err := a.share(ctx, s.serveLength, s.profile, "looked")
		if err != nil {
			return err
		}
		r.judge("serve/looked", 100*share, "%core", false, lookedTarget)
		stop()
		if s.profile != "" {
			if err := a.fetch(ctx, "/debug/pprof/heap", s.profile+"/heap.pprof"); err != nil {
				return err
			}
		}
		seen := <-got
		r.info("serve/looked-events", float64(seen.events)/seen.length.Seconds(), "1/s")
		r.info("serve/looked-bytes", float64(seen.bytes)/1024/seen.length.Seconds(), "KiB/s")
		// A tick lasts longer where a look takes long.
		if want := max(1, int(seen.length.Seconds()/10)); seen.err != nil || seen.events < want {
			r.problem("who looked was told %d events, want at least %d: %v", seen.events, want, seen.err)
		}
		if m, err = residentOf(a.cmd.Process.Pid); err != nil {
			return err
		}
		r.info("serve/rss-peak", mib(m.peak), "MiB")
		return a.check(r, s.edges)
	}()
	return errors.Join(err, c.leave())
}

func pause(ctx context.Context, length time.Duration) error {
	select {
	case <-time.After(length):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// agent is one run of `peerscope serve` on a namespace.
type agent struct {
	cmd    *exec.Cmd
	url    string
	folder string
	said   said
	done   chan struct{}
}

// startAgent starts one with a history, and waits for its address.
func startAgent(ctx context.Context, s settings, sp *space) (*agent, error) {
	folder, err := os.MkdirTemp("", "overhead")
	if err != nil {
		return nil, err
	}
	a := &agent{folder: folder, done: make(chan struct{})}
	config := folder + "/config.yaml"
	if err := os.WriteFile(config, []byte("pprof: true\n"), 0o600); err != nil {
		return nil, err
	}
	a.cmd = exec.Command(s.tool, "serve", "--config", config, "--source", s.source, "--netns", sp.name, "--listen", "127.0.0.1:0", "--history", folder+"/history")
	leash(a.cmd)
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.tool, err)
	}
	a.cmd.Stderr = &a.said
	if err := a.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.tool, err)
	}
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if i := strings.Index(lines.Text(), "http://"); i >= 0 {
				select {
				case address <- strings.TrimRight(lines.Text()[i:], "/ "):
				default:
				}
			}
		}
		_ = a.cmd.Wait() // what it said is shown where it matters
		close(a.done)
	}()
	select {
	case a.url = <-address:
		return a, nil
	case <-a.done:
		err = fmt.Errorf("%s ended: %s", strings.Join(a.cmd.Args, " "), a.said.String())
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(startBound):
		err = fmt.Errorf("%s told no address within %v: %s", strings.Join(a.cmd.Args, " "), startBound, a.said.String())
	}
	a.stop()
	return nil, err
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

// stop ends the agent, at the latest after ten seconds.
func (a *agent) stop() {
	_ = a.cmd.Process.Signal(os.Interrupt)
	select {
	case <-a.done:
	case <-time.After(10 * time.Second):
		_ = a.cmd.Process.Kill()
		<-a.done
	}
	_ = os.RemoveAll(a.folder)
}

// share is what of a core the agent takes over a time. With a folder it writes
// profiles there, which cost a little themselves.
func (a *agent) share(ctx context.Context, length time.Duration, folder, name string) (float64, error) {
	pid := a.cmd.Process.Pid
	before, err := processorTime(pid)
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, a.said.String())
	}
	began := time.Now()
	if folder != "" {
		err = a.fetch(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%d", int(length.Seconds())), folder+"/"+name+".pprof")
	} else {
		err = pause(ctx, length)
	}
	if err != nil {
		return 0, err
	}
	after, err := processorTime(pid)
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, a.said.String())
	}
	return (after - before).Seconds() / time.Since(began).Seconds(), nil
}

func (a *agent) fetch(ctx context.Context, path, file string) error {
	body, err := a.open(ctx, path)
	if err != nil {
		return err
	}
	defer body.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	return errors.Join(err, f.Close())
}

func (a *agent) open(ctx context.Context, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
		answer.Body.Close()
		return nil, fmt.Errorf("%s: %s: %s", path, answer.Status, text)
	}
	return answer.Body, nil
}

// looked is what a client of the stream was told.
type looked struct {
	events, bytes int
	length        time.Duration
	err           error
}

// look reads the stream until ctx ends.
func (a *agent) look(ctx context.Context, way string) (l looked) {
	began := time.Now()
	defer func() { l.length = time.Since(began) }()
	body, err := a.open(ctx, "/api/v1/graph/stream?"+way)
	if err != nil {
		l.err = err
		return l
	}
	defer body.Close()
	for lines := bufio.NewReaderSize(body, 1<<20); ; {
		line, err := lines.ReadSlice('\n')
		l.bytes += len(line)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil && ctx.Err() == nil:
			l.err = err
			return l
		case err != nil:
			return l
		case strings.HasPrefix(string(line[:min(len(line), 6)]), "event:"):
			l.events++
		}
	}
}

// check looks whether the agent has all that is there: a cheap one that misses
// something is not what is measured.
func (a *agent) check(r *report, edges int) error {
	q := url.Values{"level": {"process"}, "noise": {"1"}, "limit": {"1"}}
	body, err := a.open(context.Background(), "/api/v1/graph?"+q.Encode())
	if err != nil {
		return err
	}
	defer body.Close()
	var g struct {
		Total struct{ Edges int }
	}
	if err := json.NewDecoder(body).Decode(&g); err != nil {
		return fmt.Errorf("read the graph: %w", err)
	}
	if g.Total.Edges != edges {
		r.problem("the graph has %d edges, want %d", g.Total.Edges, edges)
	}
	return nil
}
