package server

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"peerscope/internal/topology"
)

// Config says what is served, where, and to whom.
type Config struct {
	// Listen is host:port, 127.0.0.1:4180 if empty; port 0 takes a free one. On
	// anything but loopback clients must show who they are, by a token, a password
	// or a certificate, unless Insecure is set.
	Listen   string
	Insecure bool
	// Hosts are names by which clients may call the server beside localhost, the
	// name in Listen and addresses: that of a proxy before it, for example.
	Hosts []string

	TokenFile     string // clients send what is in it as a bearer token
	BasicAuthFile string // lines of user:bcrypt-hash
	CertFile      string // with KeyFile: TLS
	KeyFile       string
	ClientCAFile  string // clients must have a certificate of these authorities

	Version string
	Window  time.Duration // of what the history gets; 0: 10 s
	History History       // nil: what is in memory is all there is
	Metrics http.Handler  // nil: /metrics is not there
	Self    func() any    // what the program says of itself, for the status
	Health  func() error  // nil: it is well
	Web     fs.FS         // nil: a page of links
	Pprof   bool
	Log     *slog.Logger // nil: nothing is said

	// Formats are those that Render knows of the export.
	Formats []string
	Render  func(w io.Writer, format string, m *topology.Map) error
	// Explain tells of live edges between processes, by their ids, why they stand
	// as they do. nil: only the evidence of the map is told.
	Explain func(ctx context.Context, edges []string) (*Told, error)

	Memory  int64 // bytes that ticks may take, about, and as many the graphs of streams; 0: 32 MiB
	Streams int   // streams at a time, and requests that are worked on; 0: 128
}

// Told is an explanation in words and as data.
type Told struct {
	Text         string // lines
	Explanations []*topology.Explanation
}

// History is what was before the ticks in memory. It may be called by any number
// of goroutines.
type History interface {
	// Range is all windows that touch [from, to), merged. Where there is none it is
	// nil, or an error that says so.
	Range(ctx context.Context, from, to time.Time) (*topology.Map, []topology.Span, error)
	// Series is what some edges, or with nil all edges, did together.
	Series(ctx context.Context, edges []string, from, to time.Time, step time.Duration) (*topology.Series, error)
	Events(ctx context.Context, from, to time.Time) ([]topology.Event, error)
	// Bounds are the begin of the oldest window and the end of the newest; zero:
	// there is none.
	Bounds() (oldest, newest time.Time)
}

// The bounds of what a client may cost.
const (
	defaultListen  = "127.0.0.1:4180"
	defaultWindow  = 10 * time.Second
	defaultMemory  = 32 << 20
	defaultStreams = 128
)

func (c Config) filled() Config {
	if c.Listen == "" {
		c.Listen = defaultListen
	}
	if c.Window <= 0 {
		c.Window = defaultWindow
	}
	if c.Memory <= 0 {
		c.Memory = defaultMemory
	}
	if c.Streams <= 0 {
		c.Streams = defaultStreams
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
