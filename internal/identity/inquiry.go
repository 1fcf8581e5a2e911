package identity

import (
	"sync"
	"sync/atomic"
	"time"
)

// inquiries puts questions to container runtimes without waiting for them: each
// is answered by another goroutine, which ends when nothing is left to ask. What
// lies below a user's home has a goroutine of its own, so that it holds up its
// user's answers only.
type inquiries struct {
	root  string
	find  func(r *runtimes, q inquiry) reply // replaced by tests
	waits waits

	ready atomic.Bool // there are answers

	mu      sync.Mutex
	desks   map[string]*desk // by user
	answers []reply
	open    int           // questions without an answer
	more    chan struct{} // has a token when there are answers
}

// waits is how long the end of a window waits.
type waits struct {
	next time.Duration // for the next answer
	all  time.Duration // for all of them
}

// desk is where the questions of one user wait.
type desk struct {
	runtimes *runtimes
	waiting  []inquiry
	busy     bool
}

type inquiry struct {
	ref    containerRef
	before stamp // of what is known; zero: nothing
}

type reply struct {
	ref   containerRef
	found container
	stamp stamp
	err   error
}

func newInquiries(root string, patience time.Duration) *inquiries {
	w := waits{time.Second, 3 * time.Second}
	if patience > 0 {
		w = waits{patience, patience}
	}
	return &inquiries{root: root, find: findContainer, waits: w, desks: map[string]*desk{}, more: make(chan struct{}, 1)}
}

func findContainer(r *runtimes, q inquiry) reply {
	a := reply{ref: q.ref}
	a.found, a.stamp, a.err = r.find(q.ref, q.before)
	return a
}

// ask puts a question.
func (i *inquiries) ask(q inquiry) {
	i.mu.Lock()
	defer i.mu.Unlock()
	d := i.desks[q.ref.user]
	if d == nil {
		d = &desk{runtimes: newRuntimes(i.root)}
		i.desks[q.ref.user] = d
	}
	d.waiting = append(d.waiting, q)
	i.open++
	if !d.busy {
		d.busy = true
		go i.serve(d)
	}
}

// serve answers what waits at a desk. Only one goroutine at a time does.
func (i *inquiries) serve(d *desk) {
	for {
		i.mu.Lock()
		if len(d.waiting) == 0 {
			d.busy, d.waiting = false, nil
			i.mu.Unlock()
			return
		}
		q := d.waiting[0]
		d.waiting = d.waiting[1:]
		i.mu.Unlock()

		a := i.find(d.runtimes, q)

		i.mu.Lock()
		i.answers = append(i.answers, a)
		i.open--
		i.ready.Store(true)
		i.mu.Unlock()
		select {
		case i.more <- struct{}{}:
		default:
		}
	}
}

// take is what was answered since the last time.
func (i *inquiries) take() []reply {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := i.answers
	i.answers = nil
	i.ready.Store(false)
	return all
}

// isOpen reports whether a question has no answer yet.
func (i *inquiries) isOpen() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.open > 0
}

// settle waits until all is answered, or nothing is answered any more.
func (i *inquiries) settle() {
	limit := time.NewTimer(i.waits.all)
	defer limit.Stop()
	for i.isOpen() {
		next := time.NewTimer(i.waits.next)
		select {
		case <-i.more:
			next.Stop()
		case <-next.C:
			return
		case <-limit.C:
			next.Stop()
			return
		}
	}
}
