package netlink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/pace"
	"peerscope/internal/flow"
)

// Processes answers who a pid is, at the moment it is asked.
type Processes interface {
	Key(pid int32) (flow.ProcessKey, error)
	Process(pid int32, now flow.Time) (flow.Process, error)
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

// Config says what a Source looks at, and how often.
type Config struct {
	// Namespaces select network namespaces by name, path or inode; none: all
	// that this program may enter.
	Namespaces []string
	// Interval is the time from one look to the next, if looking costs little.
	Interval time.Duration
	// Share is the part of one core that looking may cost at most; where it
	// would cost more, the interval is stretched.
	Share float64
	// Boundary says when the open window ends; nil: when the observation does.
	Boundary pace.Boundary
	// ProcRoot is where /proc is mounted.
	ProcRoot string
	// Processes names the processes that hold sockets.
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

// DefaultConfig looks at the whole host every 250 ms, for at most a twentieth
// of a core.
func DefaultConfig() Config {
	return Config{Interval: 250 * time.Millisecond, Share: 0.05, ProcRoot: "/proc"}
}

// Progress is what is looked at just now.
type Progress struct {
	Namespaces  int
	Connections int // sockets with a peer
	Listeners   int
}

// Source observes by looking: at the sockets of each network namespace every
// interval, and in between at what the kernel says of every TCP socket that
// dies. It is for one Run.
type Source struct {
	cfg    Config
	window int // number of the open window
	spaces spaces
	procs  holders
	events *procEvents
	epoll  int

	sockets map[flow.SocketCookie]*tracked
	slab    []tracked
	unix    map[uint64]*trackedUnix
	look    look
	looks   int
	// lastLook is when the latest complete look began: what it did not see is
	// younger.
	lastLook flow.Time
	pace     *pace.Pace
	opened   time.Time // the window that is open
	finished time.Time // when all translations were told last
	pairing  pairing
	before   int         // looks that were taken by then
	out      flow.Socket // the observation in the making, used again
}

// New checks what was asked for and opens the namespaces. The error is one
// line that says what is missing and how to get it.
func New(cfg Config) (*Source, error) {
	s := &Source{cfg: cfg, pace: pace.New(cfg.Boundary), sockets: map[flow.SocketCookie]*tracked{}, unix: map[uint64]*trackedUnix{}, pairing: newPairing()}
	s.procs = newHolders(cfg)
	var err error
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make an epoll: %w", err)
	}
	if s.spaces, err = openSpaces(cfg, s.epoll); err != nil {
		unix.Close(s.epoll)
		return nil, err
	}
	return s, nil
}

// Close lets go of everything that Run did not.
func (s *Source) Close() {
	s.spaces.closeAll()
	if s.events != nil {
		s.events.close()
		s.events = nil
	}
	if s.epoll >= 0 {
		unix.Close(s.epoll)
		s.epoll = -1
	}
}

// Run observes until ctx ends, or for the given time if that is not negative,
// then takes a last look. A time of 0 takes one look only.
func (s *Source) Run(ctx context.Context, length time.Duration) error {
	defer s.Close()
	s.subscribe()
	if err := s.takeLook(firstLook, length == 0); err != nil {
		return err
	}
	if s.cfg.Translations != nil && length != 0 {
		s.cfg.Translations.Take(s.cfg.Emit)
	}
	s.open()
	// Told now as well as at the end, so that a recording that is cut off has it.
	s.emit(&flow.Capture{Source: sourceName, Rung: rung})
	s.tellGaps()
	s.emit(&flow.Window{Start: s.pace.Begin()})
	s.report(s.cfg.Ready)
	if length == 0 {
		w := s.pace.End()
		w.End = w.Start
		s.tellWindow(w, true)
		return nil
	}
	end := time.Time{}
	if length > 0 {
		end = s.opened.Add(length)
	}
	if err := s.watch(ctx, end); err != nil {
		return err
	}
	return s.closeWindow(s.pace.End(), true)
}

// open takes down where a window begins.
func (s *Source) open() { s.opened, s.before = time.Now(), s.looks }

// closeWindow ends a window with a look of its own.
func (s *Source) closeWindow(w pace.Window, last bool) error {
	if err := s.takeLook(lastLook, last); err != nil {
		return err
	}
	s.releaseOld(last)
	s.tellWindow(w, last)
	return nil
}

// next closes a window that is over and opens the one after it.
func (s *Source) next(w pace.Window) error {
	if err := s.closeWindow(w, false); err != nil {
		return err
	}
	s.open()
	s.window++
	s.emit(&flow.Window{Start: w.Next})
	s.report(s.cfg.Look)
	return nil
}

// watch takes looks and deaths until the end, in as many windows as end by then.
func (s *Source) watch(ctx context.Context, end time.Time) error {
	next := time.Now().Add(s.pause())
	for {
		if err := s.listen(ctx, time.Now().Add(s.idle(next, end))); err != nil {
			return err
		}
		s.releaseOld(false)
		t := time.Now()
		if ctx.Err() != nil || !end.IsZero() && !t.Before(end) {
			return nil
		}
		if w, over := s.pace.Turn(); over {
			if err := s.next(w); err != nil {
				return err
			}
			next = time.Now().Add(s.pause())
			continue
		}
		if t.Before(next) {
			continue
		}
		if err := s.takeLook(laterLook, false); err != nil {
			return err
		}
		s.report(s.cfg.Look)
		pause := s.pause()
		if late := time.Since(t) + pause - s.cfg.Interval; late >= s.cfg.Interval {
			s.emit(&flow.Loss{Time: s.now(), Reason: flow.LossLookSlow, Count: uint64(late / s.cfg.Interval)})
		}
		next = time.Now().Add(pause)
	}
}

// idle is how long there is nothing to do but to listen.
func (s *Source) idle(next, end time.Time) time.Duration {
	const turn = 100 * time.Millisecond // how soon a window that was made shorter ends
	idle := time.Until(next)
	if s.cfg.Boundary != nil {
		idle = min(idle, s.pace.Left(turn))
	}
	if !end.IsZero() {
		idle = min(idle, time.Until(end))
	}
	return max(idle, 0)
}

// pause is the time until the next look: what is left of the interval, and
// long enough that the last look's cost stays within its share of a core.
func (s *Source) pause() time.Duration {
	p := s.cfg.Interval - s.look.took
	if s.cfg.Share > 0 {
		p = max(p, time.Duration(float64(s.look.cost)/s.cfg.Share)-s.look.took)
	}
	return max(p, 0)
}

// listen takes deaths and events of processes until stop.
func (s *Source) listen(ctx context.Context, stop time.Time) error {
	const (
		wake   = 50 * time.Millisecond // how soon a cancelled context is seen
		gather = 5 * time.Millisecond  // many messages for one wake-up
	)
	var ready [64]unix.EpollEvent
	for ctx.Err() == nil {
		left := time.Until(stop)
		if left <= 0 {
			return nil
		}
		n, err := unix.EpollWait(s.epoll, ready[:], int(min(left, wake)/time.Millisecond)+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for deaths of sockets: %w", err)
		}
		if s.cfg.Translations != nil {
			s.cfg.Translations.Take(s.cfg.Emit)
		}
		if n <= 0 {
			continue
		}
		time.Sleep(min(gather, max(time.Until(stop), 0)))
		for i := range n {
			if err := s.drainReady(int(ready[i].Fd)); err != nil {
				return err
			}
		}
		if s.spaces.stale {
			if err := s.spaces.refresh(s, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// drainReady takes what waits on one descriptor.
func (s *Source) drainReady(fd int) error {
	if fd == s.procs.eventsFD {
		return s.drainEvents()
	}
	for _, sp := range s.spaces.open {
		if sp.deathsFD == fd {
			return s.drainDeaths(sp)
		}
	}
	return nil
}

func (s *Source) emit(o flow.Observation) { s.cfg.Emit(o) }

func (s *Source) report(to func(Progress)) {
	if to == nil {
		return
	}
	p := Progress{Namespaces: len(s.spaces.open)}
	for _, t := range s.sockets {
		if t.listener {
			p.Listeners++
		} else if !t.over {
			p.Connections++
		}
	}
	to(p)
}

// tellWindow says what a window was like, and its bounds.
func (s *Source) tellWindow(w pace.Window, last bool) {
	interval := time.Duration(0)
	if n := s.looks - s.before; n > 0 {
		interval = time.Since(s.opened) / time.Duration(n)
	}
	s.finishTranslations(last)
	s.tellGaps()
	for _, g := range w.Gaps {
		s.emit(&g)
	}
	s.emit(&flow.Capture{Source: sourceName, Rung: rung, Interval: flow.Time(interval)})
	s.emit(&flow.Window{Start: w.Start, End: w.End})
}

// finishTranslations tells all there is once more, but not at the end of each of
// many short windows: it may be much.
func (s *Source) finishTranslations(last bool) {
	const again = 9 * time.Second
	switch now := time.Now(); {
	case s.cfg.Translations == nil:
	case !last && now.Sub(s.finished) < again:
		s.cfg.Translations.Take(s.cfg.Emit)
	default:
		s.finished = now
		s.cfg.Translations.Finish(s.cfg.Emit)
	}
}

// What maps call this source, and its place among the sources: the last, which
// needs nothing of eBPF.
const (
	sourceName = "netlink"
	rung       = "4"
)

func (s *Source) tellGaps() {
	for _, g := range s.gaps() {
		s.emit(&g)
	}
}

func (s *Source) now() flow.Time { return s.pace.Now() }
