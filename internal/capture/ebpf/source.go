package ebpf

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/cilium/ebpf/ringbuf"

	"peerscope/internal/capture/netns"
	"peerscope/internal/capture/pace"
	"peerscope/internal/flow"
)

// Processes answers who a pid is.
type Processes interface {
	// Process reads a process that should be alive.
	Process(pid int32, now flow.Time) (flow.Process, error)
	// Sighted makes the most of what the kernel told of a process when it first
	// used a socket; it may be gone by now.
	Sighted(s Sighting, now flow.Time) flow.Process
}

// Translations tells which addresses the namespaces rewrite. All calls but those
// of Enter come from the goroutine that calls Run.
type Translations interface {
	// Enter begins with a namespace. It is called on a thread inside of it.
	Enter(id flow.NetnsID, inode uint64)
	// Leave lets go of one that nothing else keeps alive.
	Leave(inode uint64, emit func(flow.Observation))
	// Take tells what is new, Finish once more all there is. Neither waits.
	Take(emit func(flow.Observation))
	Finish(emit func(flow.Observation))
	// Gaps are what could not be told.
	Gaps() []flow.Gap
}

// Config says what a Source observes.
type Config struct {
	// Namespaces select network namespaces by name, path or inode; none: all.
	Namespaces []string
	// MaxConnections bounds of how many connections a record is kept at a time.
	// More are counted and told when they end, without their process.
	MaxConnections int
	// RingBytes is the size of the buffer between the kernel and this process, a
	// power of two of whole pages; 0: 8 MiB. What finds no room is lost, and counted.
	RingBytes int
	// Once takes one look at what is open and nothing else, whatever length Run
	// is given: fewer programs are loaded.
	Once bool
	// Interval is the time between two looks at what is there.
	Interval time.Duration
	// Boundary says when the open window ends; nil: when the observation does.
	Boundary pace.Boundary
	// ProcRoot is where /proc is mounted.
	ProcRoot string
	// Processes names the processes that use sockets.
	Processes Processes
	// Translations are told with the rest; nil: none are.
	Translations Translations
	// Emit takes each observation, and keeps no reference to it. All calls come
	// from the goroutine that calls Run.
	Emit func(flow.Observation)
	// Ready is called once, when the first look is complete and so everything
	// that happens from then on is seen.
	Ready func(Progress)
	// Look is called after every other look.
	Look func(Progress)
}

// DefaultConfig observes the whole host.
func DefaultConfig() Config {
	return Config{MaxConnections: 1 << 20, Interval: 10 * time.Second, ProcRoot: "/proc"}
}

// Progress is what is observed just now.
type Progress struct {
	Namespaces  int
	Connections int // sockets with a peer
	Listeners   int
}

// How often what happened is collected. Nothing waits for it: the kernel's
// buffers have room for far more.
const (
	drainEvery   = 100 * time.Millisecond
	refreshEvery = time.Second
)

// Source observes by programs in the kernel. It is for one Run.
type Source struct {
	cfg    Config
	spaces *netns.Registry
	kernel *programs
	ring   *ringbuf.Reader
	sample ringbuf.Record
	pace   *pace.Pace
	clock  clock

	people    people
	pairing   pairing
	datagrams datagrams
	locals    locals           // unix sockets
	found     []flow.Namespace // before Run
	places    map[flow.NetnsID]*seenPlace
	expired   time.Time               // when expire did something last
	waits     waits                   // sockets that wait for anybody
	entered   map[uint64]flow.NetnsID // namespaces that Translations was let into, by inode
	finished  time.Time               // when all translations were told last
	totals    totals
	lost      peerscopeLost
	counted   census

	started  uint64 // CLOCK_BOOTTIME in ns; 0: what is met now is older than the observation
	look     looking
	looked   time.Time     // when the latest look ended
	lookCost time.Duration // processor time of it
	buf      []byte        // of read
	sockets  int           // with a peer, as of the last look
	listens  int
	out      flow.Socket // the observation in the making, used again
	handover flow.Handover
}

// New loads the programs. They count from then on; Run tells. The error is one
// line that says what is missing and how to get it; a *Missing if the kernel
// or a right is the reason.
func New(cfg Config) (*Source, error) {
	s := newSource(cfg)
	var err error
	if s.spaces, err = netns.Open(cfg.Namespaces, cfg.ProcRoot); err != nil {
		return nil, err
	}
	if s.found, err = s.spaces.Refresh(s.now()); err != nil {
		s.spaces.Close()
		return nil, err
	}
	set := settings{maxTracked: uint32(cfg.MaxConnections), ring: uint32(cfg.RingBytes), once: cfg.Once, netCookies: cookies(s.found)}
	if _, inodes, all := s.spaces.Selected(); !all {
		set.inodes = inodes
	}
	if s.kernel, err = load(set); err != nil {
		s.spaces.Close()
		return nil, err
	}
	if s.ring, err = ringbuf.NewReader(s.kernel.maps.Events); err != nil {
		s.Close()
		return nil, fmt.Errorf("open the ring buffer: %w", err)
	}
	return s, nil
}

func newSource(cfg Config) *Source {
	p := pace.New(cfg.Boundary)
	return &Source{cfg: cfg, pace: p, clock: clock{p.Offset()}, places: map[flow.NetnsID]*seenPlace{}, entered: map[uint64]flow.NetnsID{},
		people: newPeople(), pairing: newPairing(cfg.Boundary != nil), datagrams: newDatagrams(), locals: newLocals(), waits: newWaits()}
}

// Close detaches the programs. Run does it too.
func (s *Source) Close() {
	if s.ring != nil {
		s.ring.Close()
		s.ring = nil
	}
	if s.kernel != nil {
		s.kernel.close()
		s.kernel = nil
	}
	if s.spaces != nil {
		s.spaces.Close()
		s.spaces = nil
	}
}

// Run observes until ctx ends, or for the given time if that is not negative.
// A time of 0 tells what is open now.
func (s *Source) Run(ctx context.Context, length time.Duration) error {
	defer s.Close()
	if err := s.begin(); err != nil {
		return err
	}
	if length != 0 && !s.cfg.Once {
		if err := s.watch(ctx, length); err != nil {
			return err
		}
	}
	return s.end(length)
}

// begin takes over what is there already.
func (s *Source) begin() error {
	s.tellPlaces(s.found)
	if err := s.takeLook(); err != nil {
		return err
	}
	if err := s.kernel.vars.adopting.Set(false); err != nil {
		return fmt.Errorf("end the first look: %w", err)
	}
	if !s.cfg.Once { // else all there is comes at the end
		s.takeTranslations()
	}
	// What the programs summed up until now was before the window.
	if err := s.drainFlows(); err != nil {
		return err
	}
	s.started = s.clock.boot(s.now())
	if err := s.kernel.vars.window.Set(s.started); err != nil {
		return fmt.Errorf("begin the window: %w", err)
	}
	// What ended between the start of the programs and now was before the window,
	// unless the look had met it.
	if err := s.drainRing(); err != nil {
		return err
	}
	s.totals.begin(s.spaces, s.started)
	s.emit(&flow.Capture{Source: sourceName, Rung: s.kernel.rung})
	s.tellGaps()
	s.emit(&flow.Window{Start: s.pace.Begin()})
	s.report(s.cfg.Ready)
	return nil
}

// watch collects until the time is over, in as many windows as end by then.
func (s *Source) watch(ctx context.Context, length time.Duration) error {
	stop := context.AfterFunc(ctx, func() { s.ring.Flush() })
	defer stop()
	began := time.Now()
	refreshed := began
	for ctx.Err() == nil {
		now := time.Now()
		wait := s.left()
		if length > 0 {
			left := length - now.Sub(began)
			if left <= 0 {
				return nil
			}
			wait = min(wait, left)
		}
		if err := s.readRing(now.Add(wait)); err != nil {
			return err
		}
		s.takeTranslations()
		s.releaseOld(s.clock.boot(s.now()))
		now = time.Now()
		if w, over := s.turn(); over {
			refreshed = now
			if err := s.next(w); err != nil {
				return err
			}
			continue
		}
		if now.Sub(refreshed) >= refreshEvery {
			refreshed = now
			if err := s.collect(); err != nil {
				return err
			}
		}
		if s.uncounted() && now.Sub(s.looked) >= s.recountEvery() {
			if err := s.recount(); err != nil {
				return err
			}
		}
		if now.Sub(s.looked) >= s.interval() {
			if err := s.takeLook(); err != nil {
				return err
			}
			s.report(s.cfg.Look)
		}
	}
	return nil
}

const (
	// costShare is the part of one core that looks may cost at most: where ticks would
	// cost more, they are longer. 30,000 sockets can be looked at every second.
	costShare = 0.04
	// cheapShare is the same of looks that cost at most cheapLook: they end short
	// windows, too.
	cheapShare = 0.2
	cheapLook  = 5 * time.Millisecond
)

// lookPause is how long no other look is taken after one.
func (s *Source) lookPause() time.Duration {
	share := costShare
	if s.lookCost <= cheapLook {
		share = cheapShare
	}
	return time.Duration(float64(s.lookCost) / share)
}

// rest is how much of that is left.
func (s *Source) rest() time.Duration { return s.lookPause() - time.Since(s.looked) }

// left is how long nothing is to be done but to read: until the window may end, or
// until it is time to read again. It is never none for long, or waiting for a look
// would take the time that it is to leave to others.
func (s *Source) left() time.Duration {
	return min(max(s.pace.Left(drainEvery), s.rest()), drainEvery)
}

// turn reports whether the open window is over.
func (s *Source) turn() (pace.Window, bool) {
	if s.rest() > 0 {
		return pace.Window{}, false
	}
	return s.pace.Turn()
}

// interval is the time between two looks within a window. One that is about to
// end takes the look with it.
func (s *Source) interval() time.Duration {
	if s.cfg.Boundary == nil {
		return s.cfg.Interval
	}
	return s.cfg.Interval + refreshEvery
}

// collect takes in what the kernel summed up, and how the host has changed.
func (s *Source) collect() error {
	if err := s.refresh(); err != nil {
		return err
	}
	if err := s.drainFlows(); err != nil {
		return err
	}
	return s.tellLost()
}

// next closes a window that is over and opens the one after it.
func (s *Source) next(w pace.Window) error {
	s.pairing.pass = s.clock.boot(s.now())
	if err := s.closeWindow(w); err != nil {
		return err
	}
	since := s.totals.until
	s.totals.next()
	if err := s.kernel.vars.window.Set(since); err != nil {
		return fmt.Errorf("begin the window: %w", err)
	}
	s.emit(&flow.Window{Start: w.Next})
	s.report(s.cfg.Look)
	return nil
}

// end closes the last window. One look and nothing else makes one without length.
func (s *Source) end(length time.Duration) error {
	w := s.pace.End()
	if length == 0 || s.cfg.Once {
		w.End = w.Start
		return s.tellWindow(w)
	}
	s.pairing.on, s.finished = false, time.Time{} // nothing is left to a next window
	s.releaseOld(math.MaxUint64)
	if err := s.tellLost(); err != nil {
		return err
	}
	if s.uncounted() {
		if err := s.recount(); err != nil {
			return err
		}
	}
	return s.closeWindow(w)
}

// closeWindow tells everything of a window that is over: what is read after its
// end is taken for what was there at its end.
func (s *Source) closeWindow(w pace.Window) error {
	// The kernel's totals first: what comes after them can only be too much.
	s.totals.end(s.spaces, func() uint64 { return s.clock.boot(s.now()) })
	if err := s.collect(); err != nil {
		return err
	}
	if err := s.takeLook(); err != nil {
		return err
	}
	if err := s.drainRing(); err != nil {
		return err
	}
	if err := s.drainFlows(); err != nil {
		return err
	}
	s.settle()
	return s.tellWindow(w)
}

// tellWindow tells what was summed up over a window, and its bounds.
func (s *Source) tellWindow(w pace.Window) error {
	s.tellDatagrams()
	s.tellLocals()
	s.finishTranslations()
	if err := s.tellLost(); err != nil {
		return err
	}
	s.tellGaps()
	for _, g := range w.Gaps {
		s.emit(&g)
	}
	s.emit(&flow.Capture{Source: sourceName, Rung: s.kernel.rung, Totals: s.totals.sum()})
	s.emit(&flow.Window{Start: w.Start, End: w.End})
	return nil
}

// drainRing takes what the programs have told. It never waits.
func (s *Source) drainRing() error { return s.readRing(time.Unix(1, 0)) }

// readRing takes what the programs tell until the time given, or until they
// wake it because much of the ring is full.
func (s *Source) readRing(until time.Time) error {
	if err := s.kernel.vars.woken.Set(false); err != nil {
		return fmt.Errorf("arm the ring buffer: %w", err)
	}
	s.ring.SetDeadline(until)
	for n := 1; ; n++ {
		if n%4096 == 0 && time.Now().After(until.Add(drainEvery)) {
			return nil // there is more than one can read: what else is to be done has its turn
		}
		switch err := s.ring.ReadInto(&s.sample); {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, ringbuf.ErrFlushed):
			return nil
		case err != nil:
			return fmt.Errorf("read the ring buffer: %w", err)
		}
		if err := s.take(s.sample.RawSample); err != nil {
			return err
		}
	}
}

func (s *Source) emit(o flow.Observation) { s.cfg.Emit(o) }

func (s *Source) now() flow.Time { return s.pace.Now() }

func (s *Source) report(to func(Progress)) {
	if to != nil {
		to(Progress{Namespaces: len(s.places), Connections: s.sockets, Listeners: s.listens})
	}
}

// tellLost tells what the programs had to leave out since the last time.
func (s *Source) tellLost() error {
	var each []peerscopeLost
	if err := s.kernel.maps.Losses.Lookup(uint32(0), &each); err != nil {
		return fmt.Errorf("read the losses: %w", err)
	}
	var sum peerscopeLost
	for _, l := range each {
		sum.RingFull += l.RingFull
		sum.MapFull += l.MapFull
		sum.FlowsFull += l.FlowsFull
		sum.Late += l.Late
	}
	for _, l := range [...]struct {
		reason flow.LossReason
		count  uint64
	}{
		{flow.LossRingFull, sum.RingFull - s.lost.RingFull},
		{flow.LossMapFull, sum.MapFull - s.lost.MapFull + sum.FlowsFull - s.lost.FlowsFull},
		{flow.LossLate, sum.Late - s.lost.Late},
	} {
		if l.count > 0 {
			s.emit(&flow.Loss{Time: s.now(), Reason: l.reason, Count: l.count})
		}
	}
	s.lost = sum
	return nil
}

func (s *Source) tellGaps() {
	for _, g := range s.kernel.gaps {
		s.emit(&g)
	}
	for _, g := range s.spaces.Gaps() {
		s.emit(&g)
	}
	if s.cfg.Translations == nil {
		return
	}
	for _, g := range s.cfg.Translations.Gaps() {
		s.emit(&g)
	}
}

// What maps call this source.
const sourceName = "ebpf"
