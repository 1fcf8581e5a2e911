package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"
)

// call is one request on its way to an answer.
type call struct {
	w http.ResponseWriter
	r *http.Request
	p *parameters
}

// route is one endpoint. Its parameters are those of the contract.
type route struct {
	path       string
	parameters []string
	handle     func(*Server, *call) error
	light      bool // it costs nothing worth waiting for, or sees to that itself
}

// views are the parameters of everything that shows a graph.
func with(more ...string) []string {
	return append([]string{"level", "filter", "window", "problems", "noise"}, more...)
}

func routes() []route {
	return []route{
		{path: "/api/v1/graph", parameters: with("at", "group", "limit", "before"), handle: (*Server).graph},
		{path: "/api/v1/graph/stream", parameters: with("group", "limit"), handle: (*Server).stream, light: true},
		{path: "/api/v1/map", parameters: []string{"filter", "at", "window"}, handle: (*Server).rawMap},
		{path: "/api/v1/edges", parameters: with("at", "sort", "limit", "cursor"), handle: (*Server).edges},
		{path: "/api/v1/edges/{id}", parameters: []string{"level", "at", "window"}, handle: (*Server).edge},
		{path: "/api/v1/edges/{id}/series", parameters: []string{"level", "from", "to", "step", "m"}, handle: (*Server).edgeSeries},
		{path: "/api/v1/series", parameters: []string{"filter", "from", "to", "step", "m"}, handle: (*Server).allSeries},
		{path: "/api/v1/nodes/{id}", parameters: []string{"level", "at", "window"}, handle: (*Server).node},
		{path: "/api/v1/path", parameters: []string{"from", "to", "level", "filter", "at", "window", "hops"}, handle: (*Server).path},
		{path: "/api/v1/explain", parameters: []string{"edge", "level", "at", "window"}, handle: (*Server).explain, light: true},
		{path: "/api/v1/timeline", parameters: []string{"from", "to", "step", "m", "limit"}, handle: (*Server).timeline},
		{path: "/api/v1/diff", parameters: []string{"a", "b", "window", "filter"}, handle: (*Server).diff},
		{path: "/api/v1/export/{format}", parameters: []string{"level", "filter", "at", "window"}, handle: (*Server).export},
		{path: "/api/v1/suggest", parameters: []string{"q", "position", "limit"}, handle: (*Server).suggest},
		{path: "/api/v1/status", handle: (*Server).status, light: true},
		{path: "/api/graph/fields", handle: (*Server).grafanaFields, light: true},
		{path: "/api/graph/data", parameters: with("at", "limit"), handle: (*Server).grafanaData},
		{path: "/api/health", handle: (*Server).grafanaHealth, light: true},
		{path: "/healthz", handle: (*Server).healthy, light: true},
		{path: "/readyz", handle: (*Server).ready, light: true},
		{path: "/openapi.yaml", handle: (*Server).contract, light: true},
	}
}

// mux leads requests to their endpoints.
func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range routes() {
		mux.HandleFunc("GET "+r.path, func(w http.ResponseWriter, req *http.Request) { s.serve(w, req, r) })
	}
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /debug/pprof/", s.profiles)
	mux.HandleFunc("GET /", s.web)
	return mux
}

// serve reads the parameters, waits until there is room to work, and answers.
func (s *Server) serve(w http.ResponseWriter, req *http.Request, r route) {
	c := &call{w: w, r: req, p: read(req, r.parameters, s.now())}
	if c.p.wrong != nil {
		c.p.wrong.write(w)
		return
	}
	s.counters.requests.Add(1)
	if !r.light {
		leave, p := s.enter(req.Context())
		if p != nil {
			s.counters.busy.Add(1)
			p.write(w)
			return
		}
		defer leave()
	}
	if err := r.handle(s, c); err != nil {
		s.fail(c, err)
	}
}

// enter waits for one of the places to work in. What is made at a time is bounded
// by them, and how many wait by the streams that are allowed.
func (s *Server) enter(ctx context.Context) (leave func(), p *problem) {
	if s.waiting.Add(1) > int64(s.c.Streams) {
		s.waiting.Add(-1)
		return nil, busy(codeBusy, fmt.Sprintf("%d requests are waiting: try again in a second", s.c.Streams), 1)
	}
	defer s.waiting.Add(-1)
	ctx, stop := context.WithTimeout(ctx, writeTime/2)
	defer stop()
	select {
	case s.places <- struct{}{}:
		return func() { <-s.places }, nil
	case <-ctx.Done():
		return nil, busy(codeBusy, "others were answered for so long that this request was given up: try again", 1)
	}
}

// fail answers with what went wrong.
func (s *Server) fail(c *call, err error) {
	var p *problem
	var panicked *panicError
	switch {
	case errors.As(err, &p):
	case c.r.Context().Err() != nil:
		return // nobody waits for it any more
	case errors.As(err, &panicked):
		s.counters.panics.Add(1)
		s.c.Log.Error("panic while answering", "path", c.r.URL.Path, "panic", fmt.Sprint(panicked.value), "stack", string(panicked.stack))
		p = newProblem(http.StatusInternalServerError, codeInternal, "the answer could not be made because of a mistake in the program; its log has the place")
	default:
		s.counters.failed.Add(1)
		s.c.Log.Warn("cannot answer", "path", c.r.URL.Path, "error", err)
		p = newProblem(http.StatusInternalServerError, codeInternal, err.Error())
	}
	p.write(c.w)
}

// metrics are what the program was given to serve.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	if s.c.Metrics == nil {
		notFound("metrics are switched off").write(w)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	s.c.Metrics.ServeHTTP(w, r)
}

// profiles are Go's own. A profile takes as long as it is asked for.
func (s *Server) profiles(w http.ResponseWriter, r *http.Request) {
	if !s.c.Pprof {
		notFound("profiles are switched off: pprof in the configuration switches them on").write(w)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(5 * time.Minute))
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	switch strings.TrimPrefix(r.URL.Path, "/debug/pprof/") {
	case "cmdline": // may have secrets
		notFound("the command line is not served").write(w)
	case "profile":
		pprof.Profile(w, r)
	case "symbol":
		pprof.Symbol(w, r)
	case "trace":
		pprof.Trace(w, r)
	default:
		pprof.Index(w, r)
	}
}
