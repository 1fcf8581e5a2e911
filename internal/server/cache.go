package server

import (
	"container/list"
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// cache keeps what was made for one client for the others, in bounded memory:
// what was not asked for the longest goes first. What several ask for at a time
// is made once.
type cache struct {
	most int64 // bytes

	mu     sync.Mutex
	cost   int64
	used   list.List // of *entry, the last used first
	by     map[string]*list.Element
	making map[string]*making
}

// making is what is being made, for all who wait for it.
type making struct {
	waiting int // of cache.mu
	giveUp  context.CancelFunc
	done    chan struct{} // closed when the rest is set
	value   any
	err     error
}

type entry struct {
	key   string
	value any
	cost  int64
}

func newCache(most int64) *cache {
	return &cache{most: most, by: map[string]*list.Element{}, making: map[string]*making{}}
}

func (c *cache) get(key string) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.by[key]
	if !ok {
		return nil, false
	}
	c.used.MoveToFront(at)
	return at.Value.(*entry).value, true
}

func (c *cache) put(key string, value any, cost int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cost > c.most {
		return
	}
	if at, ok := c.by[key]; ok {
		c.drop(at)
	}
	c.by[key] = c.used.PushFront(&entry{key, value, cost})
	c.cost += cost
	for c.cost > c.most {
		c.drop(c.used.Back())
	}
}

func (c *cache) drop(at *list.Element) {
	e := c.used.Remove(at).(*entry)
	delete(c.by, e.key)
	c.cost -= e.cost
}

// cached gives what is kept under a key, or makes it. Making goes on when who
// asked first is gone, as long as others wait for it. The last one to go has it
// given up, and stays until it is: so there is never more work than there are
// places for those who wait.
func cached[T any](ctx context.Context, c *cache, key string, produce func(context.Context) (T, int64, error)) (T, error) {
	c.mu.Lock()
	if at, ok := c.by[key]; ok {
		c.used.MoveToFront(at)
		defer c.mu.Unlock()
		return at.Value.(*entry).value.(T), nil
	}
	m := c.making[key]
	if m == nil {
		m = c.begin(ctx, key, func(ctx context.Context) (any, int64, error) { return produce(ctx) })
	}
	m.waiting++
	c.mu.Unlock()
	var none T
	select {
	case <-ctx.Done():
		c.leave(key, m)
		return none, ctx.Err()
	case <-m.done:
		if m.err != nil {
			return none, m.err
		}
		return m.value.(T), nil
	}
}

// begin makes something in a goroutine that belongs to no request. c is locked.
func (c *cache) begin(ctx context.Context, key string, produce func(context.Context) (any, int64, error)) *making {
	ctx, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	m := &making{giveUp: giveUp, done: make(chan struct{})}
	c.making[key] = m
	go func() {
		defer giveUp()
		var cost int64
		defer func() {
			if v := recover(); v != nil {
				m.err = &panicError{v, debug.Stack()}
			}
			if m.err == nil {
				c.put(key, m.value, cost)
			}
			c.mu.Lock()
			if c.making[key] == m {
				delete(c.making, key)
			}
			c.mu.Unlock()
			close(m.done)
		}()
		m.value, cost, m.err = produce(ctx)
	}()
	return m
}

// leave ends the waiting of one; nobody is left: it is given up, and who asks next
// has it made anew.
func (c *cache) leave(key string, m *making) {
	c.mu.Lock()
	m.waiting--
	last := m.waiting == 0
	if last && c.making[key] == m {
		delete(c.making, key)
	}
	c.mu.Unlock()
	if last {
		m.giveUp()
		<-m.done
	}
}

// panicError is a panic on its way to the request that caused it.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprint("panic: ", e.value) }
