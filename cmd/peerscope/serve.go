package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"peerscope/internal/config"
)

// stopTime is how long sinks may take to write down what they still have when
// the agent is told to stop.
const stopTime = 5 * time.Second

type serveOptions struct {
	file      string
	from      string
	speed     float64
	noHistory bool
}

func newServe(s streams) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Observe all day: remember, serve the API and the web map, feed other tools",
		Long: "Serve observes this host until it is stopped: it remembers what it saw, serves the HTTP API\n" +
			"and the web map on loopback, and tells Prometheus and OTLP receivers. docs/SERVE.md has more.\n\n" +
			"What it does can be said in " + systemConfig + ", in the environment (PEERSCOPE_HISTORY_MAX_SIZE)\n" +
			"and by flags; see: peerscope config show --docs --origin",
		Example: "  peerscope serve                                     # http://127.0.0.1:4180\n" +
			"  peerscope serve --netns shop --no-history           # one network namespace, nothing on disk\n" +
			"  peerscope serve --otlp-endpoint http://collector:4318\n" +
			"  peerscope serve --from incident.rec.zst             # look at a recording in the browser",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c, s) },
	}
	o.flags(c)
	return c
}

// served are the flags that set a value of the configuration, which says what
// each means.
var served = map[string]string{
	"listen": "listen", "insecure-listen": "insecure_listen", "token-file": "auth.token_file", "window": "window", "tick": "tick",
	"filter": "filter", "history": "history.dir", "otlp-endpoint": "exporters.otlp.endpoint", "source": "source", "netns": "namespaces",
	"entities": "entities", "kubeconfig": "kubeconfig", "original-dst": "original_dst", "log-format": "log.format", "log-level": "log.level",
}

func (o *serveOptions) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.file, "config", "", "the configuration `FILE` only (default "+systemConfig+", then the user's)")
	f.StringVar(&o.from, "from", "", "serve the recording `FILE` instead of observing this host")
	f.Float64Var(&o.speed, "speed", 1, "with --from: `N` times as fast as it was; 0: at once")
	f.BoolVar(&o.noHistory, "no-history", false, "remember nothing on disk")
	for flag, path := range served {
		v := config.Lookup(path)
		switch {
		case v.Bool:
			f.Bool(flag, v.Default == "true", v.Doc)
		case v.List:
			f.StringArray(flag, nil, v.Doc+" (repeatable)")
		case len(v.Choices) > 0:
			f.String(flag, v.Default, v.Doc+": "+strings.Join(v.Choices, ", "))
		default:
			f.String(flag, v.Default, v.Doc)
		}
	}
	bindConfig(f, served)
	for _, name := range []string{"config", "from", "token-file", "entities", "kubeconfig"} {
		_ = c.MarkFlagFilename(name)
	}
	_ = c.MarkFlagDirname("history")
	for flag, path := range served {
		if words := config.Lookup(path).Choices; len(words) > 0 {
			_ = c.RegisterFlagCompletionFunc(flag, fixed(words))
		}
	}
	_ = c.RegisterFlagCompletionFunc("netns", completeNamespaces)
}

func (o *serveOptions) load(c *cobra.Command) (*config.Loaded, error) {
	l, err := loadConfig(o.file, c.Flags())
	if err != nil {
		return nil, err
	}
	if o.noHistory {
		l.History.Enabled = false
	}
	if err := checkServe(l, o.from); err != nil {
		return nil, usage(err)
	}
	return l, nil
}

func (o *serveOptions) run(c *cobra.Command, s streams) error {
	if o.speed < 0 {
		return usage(fmt.Errorf("--speed %v: it cannot be negative", o.speed))
	}
	if o.from != "" {
		for _, name := range []string{"source", "netns", "entities", "kubeconfig", "original-dst"} {
			if c.Flags().Changed(name) {
				return usage(fmt.Errorf("--%s says what to observe, and --from replays what was observed; give one of them", name))
			}
		}
	}
	if o.from != "" {
		if err := checkRecording(o.from); err != nil {
			return err
		}
	}
	l, err := o.load(c)
	if err != nil {
		return err
	}
	log := newLogger(s, l.Log)
	for _, u := range l.Unknown {
		log.Warn("this variable sets nothing", "variable", u)
	}
	a, err := newAgent(l, log, o.from)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(c.Context())
	defer stop()
	a.start(ctx, stop)
	fmt.Fprintf(s.out, "%s\n", a.server.URL())
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	go func() {
		for range hangups {
			a.reloadFrom(func() (*config.Loaded, error) { return o.load(c) })
		}
	}()
	err = a.observe(ctx, o, s.err)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	stop() // the server's work, too
	return errors.Join(err, a.stop())
}

// newLogger writes to standard error, in which systemd and Docker find it.
func newLogger(s streams, c config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(strings.ToUpper(c.Level))) // it was checked
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(s.err, options))
	}
	return slog.New(slog.NewTextHandler(s.err, options))
}
