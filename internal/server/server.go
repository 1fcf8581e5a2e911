package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"sync/atomic"
	"time"

	"peerscope/internal/topology"
)

// Server answers over HTTP. Publish and Watched may be called by any goroutine.
type Server struct {
	c        Config
	listener net.Listener
	door     *door
	hosts    hosts
	files    *files
	started  time.Time
	now      func() time.Time

	recent   *recent
	events   *happened
	redacted *redacted
	cache    *cache
	pictures *pictures
	hub      *hub

	places   chan struct{} // to work in
	waiting  atomic.Int64
	tick     chan struct{} // something was published
	counters counters
}

// counters are of what went wrong, and how much was asked.
type counters struct {
	requests, refused, unauthorized, busy, failed, panics, unanswered atomic.Uint64
	badTicks, streamsRefused, streamsDropped, resent                  atomic.Uint64
}

// New binds the address, so that a port that is taken is told at once. Nothing is
// answered before Run.
func New(c Config) (*Server, error) {
	c = c.filled()
	door, err := newDoor(&c)
	if err != nil {
		return nil, err
	}
	files, err := readFiles(c.Web)
	if err != nil {
		return nil, fmt.Errorf("read the files of the web interface: %w", err)
	}
	l, err := listen(&c, door.asks())
	if err != nil {
		return nil, err
	}
	s := newServer(c, door, files)
	s.listener = l
	return s, nil
}

// newServer has everything but the address.
func newServer(c Config, door *door, files *files) *Server {
	s := &Server{c: c, door: door, hosts: newHosts(&c), files: files, started: time.Now(), now: time.Now,
		recent: newRecent(c.Window, c.Memory), events: newHappened(), redacted: newRedacted(), cache: newCache(c.Memory / 2), pictures: newPictures(),
		places: make(chan struct{}, runtime.GOMAXPROCS(0)+1), tick: make(chan struct{}, 1)}
	s.hub = newHub(s)
	return s
}

// URL is where a browser on this host finds the server. Where it asks who comes,
// it has a token in it that opens once.
func (s *Server) URL() string {
	u := url.URL{Scheme: "http", Host: s.listener.Addr().String(), Path: "/"}
	if s.c.CertFile != "" {
		u.Scheme = "https"
	}
	if host, port, err := net.SplitHostPort(u.Host); err == nil {
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			u.Host = net.JoinHostPort("127.0.0.1", port)
		}
	}
	if s.door.token != nil || s.door.users != nil {
		u.RawQuery = tokenParam + "=" + s.door.sessions.ticket(s.now())
	}
	return u.String()
}

// Publish shows the next tick. It keeps m, which must not change any more, and
// waits for no client.
func (s *Server) Publish(m *topology.Map) {
	if err := s.recent.add(s.redacted.clean(m)); err != nil {
		s.counters.badTicks.Add(1)
		s.c.Log.Warn("a tick is left out", "error", err)
		return
	}
	select {
	case s.tick <- struct{}{}:
	default: // the last one was not looked at yet
	}
}

// Watched: somebody looks at the live graph, or did some seconds ago.
func (s *Server) Watched() bool { return s.hub.watched(s.now()) }

// Run answers until ctx ends, then says goodbye to streams and lets others
// finish.
func (s *Server) Run(ctx context.Context) error {
	h := &http.Server{Handler: s.guard(s.mux()), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: maxHeader, ErrorLog: log.New(complaints{s.c.Log}, "", 0)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.follow(ctx)
	}()
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(s.listener) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		s.hub.close("the server ends")
		grace, stop := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer stop()
		if err = h.Shutdown(grace); err != nil {
			err = h.Close()
		}
		<-ended
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// Close lets go of the address of a server that is not run.
func (s *Server) Close() error { return s.listener.Close() }

// follow does what is to be done after each tick.
func (s *Server) follow(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.tick:
			s.after()
		}
	}
}

// after a tick: streams are told, and what is old becomes coarse. A mistake in it
// costs this tick.
func (s *Server) after() {
	defer func() {
		if v := recover(); v != nil {
			s.counters.panics.Add(1)
			s.c.Log.Error("panic after a tick", "panic", fmt.Sprint(v))
		}
	}()
	s.events.observe(s.recent.ticks())
	s.hub.tell()
	s.recent.compact()
}

// complaints are what net/http says of broken connections: of no use to most.
type complaints struct{ log *slog.Logger }

func (c complaints) Write(b []byte) (int, error) {
	c.log.Debug("http", "error", string(b))
	return len(b), nil
}

var _ io.Writer = complaints{}
