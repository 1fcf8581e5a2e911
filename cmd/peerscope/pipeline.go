package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/attribution"
	"peerscope/internal/capture/ebpf"
	"peerscope/internal/capture/netlink"
	"peerscope/internal/capture/pace"
	"peerscope/internal/conntrack"
	"peerscope/internal/flow"
	"peerscope/internal/identity"
	"peerscope/internal/kubernetes"
	"peerscope/internal/mesh"
	"peerscope/internal/topology"
)

// pipeline is the whole program: what the sources tell goes to the engine,
// what the engine decides is added up, and a closed window is a map.
type pipeline struct {
	engine  *attribution.Engine
	ledger  *topology.Ledger
	logical bool // who got through proxies to whom is wanted too
	// changed is told every change, while the engine still tells its connection; nil:
	// nobody asks.
	changed func(*flow.Change)
}

func newPipeline() *pipeline { return newPipelineOf(attribution.Config{}) }

func newPipelineOf(c attribution.Config) *pipeline {
	return &pipeline{engine: attribution.New(c), ledger: topology.NewLedger(), logical: c.Legs}
}

// take is where every observation goes.
func (p *pipeline) take(o flow.Observation) { p.engine.Apply(o) }

// close decides the window and writes it down.
func (p *pipeline) close() *topology.Map {
	p.engine.Close(func(c *flow.Change) {
		p.ledger.Add(c)
		if p.changed != nil {
			p.changed(c)
		}
	})
	s := p.engine.Summary()
	facts := topology.Facts{Host: s.Host, Capture: s.Capture, Window: s.Window, Gaps: s.Gaps, Lost: s.Lost,
		Listening: p.engine.Listening(), Names: p.engine.AddressNames()}
	if p.logical {
		l := mesh.Collapse(p.engine.Legs(), p.namedProxy)
		facts.Logical = &l
	}
	return p.ledger.Map(p.engine, facts)
}

// namedProxy reports whether a node has the name of a proxy.
func (p *pipeline) namedProxy(n flow.NodeRef) bool {
	process := p.engine.Node(n).Process
	return process.ServiceProxy || mesh.Known(process.Name) || mesh.Known(path.Base(process.Executable))
}

// observation says what is to be observed, for how long and by what.
type observation struct {
	length     time.Duration // negative: until it is interrupted
	source     string
	namespaces []string
	entities   string // a file of templates; empty: the default ones
	templates  *identity.Entities
	kubeconfig string // a file that leads to an API server; empty: as it is found
	access     *kubernetes.Access
	// originalDst lets servers' sockets be asked what their clients dialled, where
	// conntrack cannot be read.
	originalDst bool
	// boundary says when the open window ends; nil: there is only one.
	boundary pace.Boundary
	// patience is how long the end of a window may wait for names; 0: a moment.
	patience time.Duration
	// gaps are what is not seen for reasons that the source does not know of.
	gaps []flow.Gap
	// opened is called with the source's name when everything that happens is seen
	// from then on; nil: nobody asks.
	opened func(source string)

	translations *conntrack.Source
}

// check fails on a source that is not there, on entities that say nothing, and on
// a kubeconfig that leads nowhere.
func (o *observation) check() (err error) {
	switch o.source {
	case "auto", "netlink", "ebpf":
	default:
		return usage(fmt.Errorf("unknown source %q: it is auto, ebpf or netlink", o.source))
	}
	if err := o.readEntities(); err != nil {
		return err
	}
	return o.findCluster()
}

// findCluster looks for the way to an API server.
func (o *observation) findCluster() (err error) {
	o.access, err = kubernetes.Find(o.kubeconfig)
	return err
}

// readEntities reads as which services processes are known.
func (o *observation) readEntities() (err error) {
	if o.entities == "" {
		o.templates, err = identity.DefaultEntities()
		return err
	}
	f, err := os.Open(o.entities)
	if err != nil {
		return fmt.Errorf("open entities: %w", err)
	}
	defer f.Close()
	if o.templates, err = identity.ReadEntities(f); err != nil {
		return usage(fmt.Errorf("--entities %s: %w", o.entities, err))
	}
	return nil
}

func (o *observation) ready(source string, p found, show *progress) {
	show.ready(p, *o)
	if o.opened != nil {
		o.opened(source)
	}
}

// source observes until ctx ends, or for the given time if that is not negative.
type source interface {
	Run(ctx context.Context, length time.Duration) error
}

// observe runs the source into emit until the time is over or ctx ends.
func observe(ctx context.Context, o observation, emit func(flow.Observation), show *progress) error {
	// What is collected is small and lives as long as the program: letting it grow
	// before it is looked through makes the first answer come sooner.
	if debug.SetGCPercent(400); o.access != nil || o.length < 0 {
		debug.SetGCPercent(100) // for long; and lists of a cluster are large, and little of them is kept
	}
	background, stop := context.WithCancel(ctx)
	defer stop()
	cluster := startKubernetes(background, o.access)
	for _, g := range o.gaps {
		emit = withGap(g, emit)
	}
	emit = newNaming(cluster, emit).take
	names := identity.NewCompleter(identity.CompleterConfig{Root: identity.HostRoot(), Pods: pods{cluster}, Entities: o.templates, Patience: o.patience}, emit)
	host := identity.ReadHost()
	names.Take(&host)
	translations, err := conntrack.New("/proc")
	if err != nil {
		return err
	}
	defer translations.Close()
	o.translations = translations
	take := names.Take
	if o.originalDst {
		servers := conntrack.NewServers("/proc")
		translations.AskServers(servers)
		take = func(ob flow.Observation) { servers.Note(ob); names.Take(ob) }
	}
	source, err := openSource(o, take, show)
	if err != nil {
		return err
	}
	warnLimited(show.w)
	defer show.done()
	return privilege(source.Run(ctx, o.length))
}

// openSource opens what was asked for; of auto, the best that works here.
func openSource(o observation, emit func(flow.Observation), show *progress) (source, error) {
	if o.source == "netlink" {
		return openNetlink(o, emit, show)
	}
	s, err := openEBPF(o, emit, show)
	var missing *ebpf.Missing
	switch {
	case err == nil:
		return s, nil
	case !errors.As(err, &missing):
		return nil, err
	case o.source == "auto":
		fmt.Fprintf(show.w, "peerscope: observing without eBPF: %v\n", missing)
		return openNetlink(o, withGap(flow.Gap{Code: "no_ebpf", Reason: missing.Reason, Fix: missing.Fix}, emit), show)
	case missing.Privilege:
		return nil, &exitError{exitPrivilege, missing}
	}
	return nil, &exitError{exitKernel, missing}
}

// withGap tells a gap of the whole observation in each of its windows.
func withGap(g flow.Gap, emit func(flow.Observation)) func(flow.Observation) {
	return func(o flow.Observation) {
		if w, ok := o.(*flow.Window); ok && w.End != 0 {
			emit(&g)
		}
		emit(o)
	}
}

func openEBPF(o observation, emit func(flow.Observation), show *progress) (source, error) {
	cfg := ebpf.DefaultConfig()
	cfg.Namespaces, cfg.Once, cfg.Boundary = o.namespaces, o.length == 0, o.boundary
	cfg.Processes = sightings{identity.New(identity.Config{})}
	cfg.Translations = o.translations
	cfg.Emit = emit
	cfg.Ready = func(p ebpf.Progress) { o.ready("ebpf", found(p), show) }
	cfg.Look = func(p ebpf.Progress) { show.look(found(p)) }
	s, err := ebpf.New(cfg)
	if err != nil {
		return nil, err // not s: a nil source in an interface is not nil
	}
	return s, nil
}

func openNetlink(o observation, emit func(flow.Observation), show *progress) (source, error) {
	cfg := netlink.DefaultConfig()
	cfg.Namespaces, cfg.Boundary = o.namespaces, o.boundary
	cfg.Processes = identity.New(identity.Config{})
	cfg.Translations = o.translations
	cfg.Emit = emit
	cfg.Ready = func(p netlink.Progress) { o.ready("netlink", found(p), show) }
	cfg.Look = func(p netlink.Progress) { show.look(found(p)) }
	s, err := netlink.New(cfg)
	if err != nil {
		return nil, privilege(err)
	}
	return s, nil
}

// sightings lets identity make the most of what the kernel told of a process.
type sightings struct{ *identity.Reader }

func (r sightings) Sighted(s ebpf.Sighting, now flow.Time) flow.Process {
	seen := identity.Sighting(s)
	return r.Reader.Sighted(&seen, now)
}

// privilege marks an error that comes of a missing right.
func privilege(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return &exitError{exitPrivilege, err}
	}
	return err
}
