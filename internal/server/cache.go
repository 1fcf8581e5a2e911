package server

import (
	"container/list"
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"golang.org/x/sync/singleflight"
)

// cache keeps what was made for one client for the others, in bounded memory:
// what was not asked for the longest goes first. What several ask for at a time
// is made once.
type cache struct {
	most   int64 // bytes
	flight singleflight.Group

	mu   sync.Mutex
	cost int64
	used list.List // of *entry, the last used first
	by   map[string]*list.Element
}

type entry struct {
	key   string
	value any
	cost  int64
}

func newCache(most int64) *cache { return &cache{most: most, by: map[string]*list.Element{}} }

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
// asked first is gone, as others may wait for it; it must not wait for anybody
// who can wait without end.
func cached[T any](ctx context.Context, c *cache, key string, make func(context.Context) (T, int64, error)) (T, error) {
	if v, ok := c.get(key); ok {
		return v.(T), nil
	}
	done := c.flight.DoChan(key, func() (_ any, err error) {
		defer func() {
			if v := recover(); v != nil { // in a goroutine that belongs to no request
				err = &panicError{v, debug.Stack()}
			}
		}()
		v, cost, err := make(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
		c.put(key, v, cost)
		return v, nil
	})
	var none T
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case r := <-done:
		if r.Err != nil {
			return none, r.Err
		}
		return r.Val.(T), nil
	}
}

// panicError is a panic on its way to the request that caused it.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprint("panic: ", e.value) }
