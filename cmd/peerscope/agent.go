package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"peerscope/internal/config"
	"peerscope/internal/export"
	"peerscope/internal/filter"
	"peerscope/internal/history"
	"peerscope/internal/identity"
	"peerscope/internal/metrics"
	"peerscope/internal/server"
	"peerscope/internal/topology"
	"peerscope/web"
)

// agent is what `serve` is made of. One goroutine observes, closes windows and
// hands them on; whoever takes them has a goroutine of its own and is never
// waited for.
type agent struct {
	log     *slog.Logger
	from    string      // a recording; empty: this host
	what    observation // where from is empty
	started time.Time
	cfg     atomic.Pointer[config.Loaded]
	filter  atomic.Pointer[filter.Expr]

	server *server.Server
	series *metrics.Accumulator
	store  *history.Store // nil: nothing is remembered
	joiner *topology.Joiner
	asked  questions

	sinks   context.Context // of what sinks do; it outlives the observation by stopTime
	cut     context.CancelFunc
	remind  *sink                // history; nil: none
	push    atomic.Pointer[push] // OTLP; nil: none
	handing sync.Mutex           // held by who changes push, or ends it
	told    *push                // the one that was at work last; under handing
	served  chan error
	ticks   atomic.Uint64
	latest  atomic.Pointer[topology.Map]
	badTick atomic.Uint64
	alive   time.Time   // when systemd was told last; of the loop alone
	ready   atomic.Bool // systemd was told that everything is seen
}

// newAgent opens everything that can fail: the history, the port, the exporters.
func newAgent(l *config.Loaded, log *slog.Logger, from string) (*agent, error) {
	a := &agent{log: log, from: from, started: time.Now(), joiner: topology.NewJoiner(time.Duration(l.Window)), served: make(chan error, 1)}
	a.sinks, a.cut = context.WithCancel(context.Background())
	a.cfg.Store(l)
	wanted, err := filter.Parse(l.Filter)
	if err != nil {
		return nil, usage(err)
	}
	a.filter.Store(wanted)
	if a.what = observationOf(l); from == "" {
		if err := a.what.check(); err != nil {
			return nil, err
		}
	}
	if err := a.openHistory(l); err != nil {
		return nil, err
	}
	a.series = metrics.NewAccumulator(seriesConfig(l.Exporters.Series))
	if a.server, err = server.New(a.serverConfig(l)); err != nil {
		a.closeHistory()
		return nil, err
	}
	if a.told, err = a.newPush(l); err != nil {
		return nil, errors.Join(err, a.server.Close(), a.closeHistory())
	}
	a.push.Store(a.told)
	return a, nil
}

func (a *agent) openHistory(l *config.Loaded) error {
	if !l.History.Enabled || a.from != "" {
		return nil
	}
	dir := l.History.Dir
	if dir == "" {
		dir = historyDir()
	}
	options := historyOptions(l)
	options.Tell = func(text string) { a.log.Warn(text) }
	var err error
	if a.store, err = history.Open(dir, options); err != nil {
		return fmt.Errorf("%w; to remember nothing: --no-history", err)
	}
	a.remind = newSink("history", a.log, func(_ context.Context, m *topology.Map) error { return a.store.Add(m) })
	a.remind.missed = func(m *topology.Map) {
		if start, end, err := m.Window.Bounds(); err == nil {
			go a.store.Missed(start, end, 1, "the disk did not keep up") // it waits for what the disk does
		}
	}
	return nil
}

// historyDir is where the history is where nobody says: what systemd gives, else
// what is usual for root and for others.
func historyDir() string {
	if dir := os.Getenv("STATE_DIRECTORY"); dir != "" {
		return filepath.Join(dir, "history")
	}
	if os.Geteuid() == 0 {
		return historyOfRoot
	}
	dir := os.Getenv("XDG_STATE_HOME")
	if dir == "" {
		home, _ := os.UserHomeDir()
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "peerscope", "history")
}

// keepFor is the default of each length of windows, but nothing longer than age.
func keepFor(age time.Duration) history.Keep {
	k := history.DefaultKeep()
	k.Hour = age
	for _, shorter := range []*time.Duration{&k.TenMinutes, &k.Minute, &k.Fine} {
		*shorter = min(*shorter, age)
	}
	return k
}

func (a *agent) serverConfig(l *config.Loaded) server.Config {
	c := server.Config{
		Listen: l.Listen, Hosts: l.Hosts, Insecure: l.InsecureListen, TokenFile: l.Auth.TokenFile, BasicAuthFile: l.Auth.BasicAuthFile,
		CertFile: l.Auth.CertFile, KeyFile: l.Auth.KeyFile, ClientCAFile: l.Auth.ClientCAFile,
		Version: readBuild().Version, Window: time.Duration(l.Window), Pprof: l.Pprof, Log: a.log,
		Self: a.self, Health: a.health, Explain: a.explain, Web: web.Files(),
		Formats: export.Formats(),
		Render: func(w io.Writer, format string, m *topology.Map) error {
			return export.Render(w, format, m, export.Style{})
		},
	}
	if a.store != nil {
		c.History = a.store
	}
	if l.Exporters.Prometheus.Enabled {
		c.Metrics = metrics.Handler(prometheusConfig(l.Exporters.Prometheus), a.series, a.metricsOfSelf)
	}
	return c
}

// start lets everybody work who has a goroutine of its own. Should the server end
// by itself, everything does.
func (a *agent) start(ctx context.Context, abort context.CancelFunc) {
	go func() {
		err := a.server.Run(ctx)
		a.served <- err
		if err != nil {
			abort()
		}
	}()
	if a.remind != nil {
		go a.remind.run(a.sinks)
	}
	if a.told != nil {
		a.told.start(a.sinks)
	}
}

// observe is the loop. It ends with ctx, or with the recording.
func (a *agent) observe(ctx context.Context, o *serveOptions, stderr io.Writer) error {
	if a.from != "" {
		err := replayWindows(ctx, a.from, o.speed, a.tick, stderr)
		if err == nil && ctx.Err() == nil {
			a.log.Info("the recording is over; what it held stays to be looked at", "file", a.from)
			<-ctx.Done()
		}
		return err
	}
	l, ob := a.cfg.Load(), a.what
	ob.gaps = missingCapabilities(l.Source, identity.ReadSelf().Capabilities)
	ob.opened = a.opened
	return runLive(ctx, ob, liveOptions{Window: time.Duration(l.Window), Tick: time.Duration(l.Tick), First: time.Duration(l.Tick), Watched: a.watched,
		Closed: a.asked.answer, Progress: newProgress(stderr)}, a.tick)
}

// aliveEvery is how often systemd's watchdog is told that the loop turns.
const aliveEvery = 10 * time.Second

// watched is asked by the loop ten times a second, however long its windows are;
// so this is also where systemd is told that it turns.
func (a *agent) watched() bool {
	if now := time.Now(); now.Sub(a.alive) >= aliveEvery {
		a.alive = now
		_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
	}
	return a.server.Watched() || a.asked.waiting()
}

// opened is called when everything that happens is seen from now on.
func (a *agent) opened(source string) {
	if err := dropCapabilities(source); err != nil {
		a.log.Warn("capabilities that are not needed are kept", "error", err)
	}
	a.log.Info("observing", "source", source)
	a.ready.Store(true)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
}

// tick takes what the loop closed. It waits for nobody.
func (a *agent) tick(m *topology.Map) {
	a.ticks.Add(1)
	a.latest.Store(m)
	a.server.Publish(m)
	wanted := m
	if f := a.filter.Load(); !f.Empty() {
		wanted = f.Select(m)
	}
	if err := a.series.Add(wanted); err != nil {
		a.badTick.Add(1)
	}
	windows, err := a.joiner.Add(wanted)
	if err != nil {
		a.badTick.Add(1)
	}
	for _, w := range windows {
		a.window(w)
	}
}

func (a *agent) window(m *topology.Map) {
	if a.remind != nil {
		a.remind.offer(m)
	}
	if p := a.push.Load(); p != nil {
		p.Add(m)
	}
}

// stop writes down what there is still, within stopTime, and closes everything.
func (a *agent) stop() error {
	if rest := a.joiner.Rest(); rest != nil {
		a.window(rest)
	}
	timer := time.AfterFunc(stopTime, a.cut)
	defer timer.Stop()
	if a.remind != nil {
		a.remind.close()
		<-a.remind.done
	}
	a.stopPush()
	err := <-a.served
	return errors.Join(err, a.closeHistory())
}

func (a *agent) closeHistory() error {
	if a.store == nil {
		return nil
	}
	if err := a.store.Close(); err != nil {
		return fmt.Errorf("close the history: %w", err)
	}
	return nil
}
