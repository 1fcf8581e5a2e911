package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"syscall"

	"peerscope/internal/export"
	"peerscope/internal/server"
	"peerscope/internal/topology"
	"peerscope/web"
)

// webView is the web map of a view in the terminal, served by the same process on
// loopback from when it is asked for until the view ends. It begins with the map
// that is the latest then.
type webView struct {
	from  string // a recording; empty: this host
	asked questions

	mu     sync.Mutex
	latest *topology.Map
	source string // by what is observed; empty: not known yet
	server *server.Server
	stop   context.CancelFunc
	ended  chan error
}

// tick takes the next map, which must not change any more. It waits for nobody.
func (w *webView) tick(m *topology.Map) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.latest = m
	if w.server != nil {
		w.server.Publish(m)
	}
}

// opened is told by what is observed.
func (w *webView) opened(source string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.source = source
}

// open begins to serve, and says where. As serve does, it gives up what observing
// does not need before it listens to others.
func (w *webView) open() (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.server != nil:
		return w.server.URL(), nil
	case w.latest == nil:
		return "", errors.New("there is no map yet")
	}
	s, err := server.New(w.config(""))
	if errors.Is(err, syscall.EADDRINUSE) { // by serve, most likely: any other port does
		s, err = server.New(w.config("127.0.0.1:0"))
	}
	if err != nil {
		return "", err
	}
	if err := dropCapabilities(cmp.Or(w.source, "netlink")); err != nil {
		return "", errors.Join(err, s.Close())
	}
	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	w.ended = make(chan error, 1)
	w.server = s
	go func() { w.ended <- s.Run(ctx) }()
	s.Publish(w.latest)
	return s.URL(), nil
}

func (w *webView) config(listen string) server.Config {
	c := server.Config{Listen: listen, Version: readBuild().Version, Web: web.Files(), Formats: export.Formats(),
		Render: func(out io.Writer, format string, m *topology.Map) error {
			return export.Render(out, format, m, export.Style{})
		}}
	if w.from == "" {
		c.Explain = w.asked.ask
	}
	return c
}

// close ends what was served, and says what went wrong with it.
func (w *webView) close() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.server == nil {
		return ""
	}
	w.stop()
	if err := <-w.ended; err != nil {
		return "peerscope: the web view ended early: " + strings.TrimSpace(oneLine(err)) + "\n"
	}
	return ""
}
