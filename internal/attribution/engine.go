package attribution

import (
	"cmp"

	"peerscope/internal/flow"
)

// Config sizes an Engine. The zero value is ready for use.
type Config struct {
	// Sockets is how many sockets are expected at once; the indexes are made
	// for that many and grow beyond it.
	Sockets int
	// Legs keeps what Engine.Legs tells. It costs 40 bytes a connection that is
	// open or was in the window.
	Legs bool
}

// Engine holds what is known of the sockets, processes and namespaces of one
// host. It is not safe for concurrent use.
type Engine struct {
	halves [][]half
	count  uint32   // records in use or on the free list; number 0 is never used
	free   []uint32 // records to use again
	dirty  []uint64 // a bit for each record: it changed in this window
	done   []uint32 // halves that were over at the last Close
	over   int      // how many of done were over at a Close before
	paired []uint32 // halves with flagPaired

	byCookie   cookies
	byTuple    index
	bySequence index
	lanes      lanes

	addrs       addresses
	netns       namespaces
	processes   processes
	sets        [][]uint32 // holder sets of several processes
	setNumbers  numbers
	setByKey    map[string]uint32
	single      [1]uint32
	scratch     []uint32
	scratchKey  []byte
	nodes       []nodeKey
	nodeNumbers numbers
	nodeByKey   map[nodeKey]NodeRef
	edges       []EdgeKey
	edgeNumbers numbers
	edgeIndex   index
	paths       []string // of unix sockets
	pathNumbers numbers
	pathByName  map[string]uint32
	forgetting  forgetting

	homes     places
	listeners listeners
	unix      unixSockets
	nat       translations
	handovers map[uint32][]handover
	strays    strays
	errnos    map[uint32]string
	beside    map[uint32]*beside // of halves that lead an open connection

	// What belongs to one window.
	names  map[nameKey]flow.AddressName
	window flow.Window
	gaps   []flow.Gap
	lost   [len(flow.LossReasonNames)]uint64

	host    flow.Host
	capture flow.Capture
	begun   bool   // window.Start was told; else it is where the one before ended
	closed  bool   // a window was closed, and nothing told since
	closes  uint32 // how many windows were closed
	latest  flow.Time
	aged    flow.Time // latest when times were brought nearer last

	hasProxies  bool     // a process takes others' connections
	meshed      []uint32 // processes that are proxies or known to have one, since the last Close
	intercepted map[clientEnd]*taken
	legs        []leg // with Config.Legs
	keepsLegs   bool
	undecided   []uint32 // halves whose role only an exposed port can tell
	circle      []uint32
	stage       stage
	change      Change
	emitted     emitted // by the change that is emitted
	back        Change

	listensByProcess map[uint32][]flow.Listening // made on demand by Node
	counted          bool                        // a census was told since the last Close
	topologyChanged  bool                        // listeners, addresses or translations changed: half-edges may resolve differently
}

// New returns an empty engine.
func New(c Config) *Engine {
	return &Engine{
		halves: [][]half{make([]half, chunk)}, dirty: make([]uint64, chunk/64),
		count:      1,
		byCookie:   newCookies(c.Sockets),
		byTuple:    newIndex(c.Sockets),
		bySequence: newIndex(c.Sockets),
		addrs:      newAddresses(),
		netns:      newNamespaces(),
		processes:  newProcesses(),
		sets:       make([][]uint32, 1),
		setByKey:   map[string]uint32{},
		nodes:      make([]nodeKey, 1),
		nodeByKey:  map[nodeKey]NodeRef{},
		edges:      make([]EdgeKey, 1),
		edgeIndex:  newIndex(256),
		paths:      make([]string, 1),
		pathByName: map[string]uint32{},
		homes:      newPlaces(),
		listeners:  newListeners(),
		unix:       newUnixSockets(),
		nat:        newTranslations(),
		handovers:  map[uint32][]handover{},
		errnos:     map[uint32]string{},
		beside:     map[uint32]*beside{},
		keepsLegs:  c.Legs,
		names:      map[nameKey]flow.AddressName{},
	}
}

// Apply takes in one observation. It keeps no reference to o.
func (e *Engine) Apply(o flow.Observation) {
	if e.closed {
		e.nextWindow()
	}
	switch o := o.(type) {
	case *flow.Socket:
		e.latest = max(e.latest, o.Time)
		if isListener(o) {
			e.listen(o)
		} else {
			e.socket(o)
		}
	case *flow.UnixSocket:
		e.latest = max(e.latest, o.Time)
		e.unixSocket(o)
	case *flow.Process:
		e.processInfo(o)
	case *flow.Exit:
		e.exited(o)
	case *flow.Handover:
		e.handover(o)
	case *flow.Namespace:
		e.namespaceInfo(o)
	case *flow.Translation:
		e.translation(o)
	case *flow.AddressName:
		e.addressName(o)
	case *flow.Loss:
		e.loss(o)
	case *flow.Gap:
		e.gap(*o)
	case *flow.Census:
		e.census(o)
	case *flow.Host:
		e.host = *o
	case *flow.Capture:
		e.captureInfo(o)
	case *flow.Window:
		e.windowBounds(o)
	}
}

// nextWindow lets go of what was told of the window that was closed, which was
// kept until now so that it can be shown. Sources tell their gaps again in every
// window.
func (e *Engine) nextWindow() {
	e.closed = false
	e.window = flow.Window{Start: e.window.End}
	e.begun = false
	e.gaps = nil
	e.lost = [len(flow.LossReasonNames)]uint64{}
	e.capture.Interval, e.capture.Totals = 0, flow.Totals{}
	clear(e.names)
}

// captureInfo keeps what is known of the source. It is told at the start without
// interval and totals, so that a cut recording has it, and with them at the end.
func (e *Engine) captureInfo(o *flow.Capture) {
	c, totals := &e.capture, e.capture.Totals
	if cmp.Or(cmp.Compare(o.Totals.Kernel, totals.Kernel), cmp.Compare(o.Totals.Told, totals.Told)) > 0 {
		totals = o.Totals
	}
	if cmp.Or(cmp.Compare(o.Interval, c.Interval), cmp.Compare(o.Source, c.Source), cmp.Compare(o.Rung, c.Rung)) > 0 {
		*c = *o
	}
	c.Totals = totals
}

// processInfo keeps the latest facts of a process: an exec changes its name.
func (e *Engine) processInfo(o *flow.Process) {
	p := &e.processes.facts[e.processes.number(o.Key)]
	if p.known && (o.Time < p.info.Time || o.Time == p.info.Time && compareProcess(o, &p.info) <= 0) {
		return
	}
	p.info, p.known = *o, true
	e.hasProxies = e.hasProxies || o.ServiceProxy
	e.topologyChanged = true
}

func (e *Engine) loss(o *flow.Loss) {
	e.lost[o.Reason] += o.Count
	if o.Reason != flow.LossNetlinkOverrun && o.Reason != flow.LossNamespace && o.Reason != flow.LossRingFull && o.Reason != flow.LossMapFull {
		return
	}
	if o.Netns != 0 {
		e.netns.list[e.netnsNumber(o.Netns)].lossy = true
		return
	}
	for i := range e.netns.list {
		e.netns.list[i].lossy = true
	}
}

// gap keeps one telling of each gap. The later one of the same may count more:
// the longer, then the greater text stands.
func (e *Engine) gap(g flow.Gap) {
	for i, have := range e.gaps {
		if have.Code != g.Code {
			continue
		}
		if len(g.Reason) > len(have.Reason) || len(g.Reason) == len(have.Reason) && g.Reason > have.Reason {
			e.gaps[i] = g
		}
		return
	}
	e.gaps = append(e.gaps, g)
}

func (e *Engine) windowBounds(o *flow.Window) {
	if o.Start != 0 && (!e.begun || o.Start < e.window.Start) {
		e.window.Start, e.begun = o.Start, true
	}
	e.window.End = max(e.window.End, o.End)
}
