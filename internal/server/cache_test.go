package server

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestWorkThatIsGivenUpIsBounded: however many ask and go, no more is worked on at a
// time than there are places.
func TestWorkThatIsGivenUpIsBounded(t *testing.T) {
	s := tester(t, nil)
	var now, most atomic.Int64
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			ctx, gone := context.WithTimeout(t.Context(), 5*time.Millisecond)
			defer gone()
			leave, p := s.enter(ctx)
			if p != nil {
				return
			}
			defer leave()
			_, _ = cached(ctx, s.cache, fmt.Sprint(i), func(context.Context) (int, int64, error) {
				n := now.Add(1)
				defer now.Add(-1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				time.Sleep(20 * time.Millisecond) // it does not look whether anybody waits
				return 0, 0, nil
			})
		})
		time.Sleep(time.Millisecond)
	}
	all.Wait()
	if n := most.Load(); n > int64(cap(s.places)) || n == 0 {
		t.Errorf("%d were worked on at a time, in %d places", n, cap(s.places))
	}
}

// TestMakingIsGivenUpWithTheLastToWait and not with the first.
func TestMakingIsGivenUpWithTheLastToWait(t *testing.T) {
	c := newCache(1 << 20)
	begun, given := make(chan struct{}), make(chan struct{})
	produce := func(ctx context.Context) (int, int64, error) {
		close(begun)
		<-ctx.Done()
		close(given)
		return 0, 0, ctx.Err()
	}
	first, firstGoes := context.WithCancel(t.Context())
	second, secondGoes := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { _, err := cached(first, c, "k", produce); ended <- err }()
	<-begun
	go func() { _, err := cached(second, c, "k", produce); ended <- err }()
	waitFor(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.making["k"].waiting == 2
	})
	firstGoes()
	if err := <-ended; err != context.Canceled {
		t.Errorf("the first: %v", err)
	}
	select {
	case <-given:
		t.Fatal("given up while somebody waits")
	case <-time.After(20 * time.Millisecond):
	}
	secondGoes()
	if err := <-ended; err != context.Canceled {
		t.Errorf("the second: %v", err)
	}
	<-given
	// It is made anew for who asks next.
	if v, err := cached(t.Context(), c, "k", func(context.Context) (int, int64, error) { return 7, 1, nil }); v != 7 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
	if v, ok := c.get("k"); !ok || v != 7 {
		t.Errorf("kept %v", v)
	}
}
