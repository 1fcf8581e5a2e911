package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// perHelper is how many connections a pair of helpers holds at most; each has
// one descriptor of each.
const perHelper = 10_000

// acceptAll takes as many connections, gives each its one answer, and keeps
// them.
func acceptAll(count int) error {
	listener, port, err := listening()
	if err != nil {
		return err
	}
	if err := tell(port); err != nil {
		return err
	}
	letter := make([]byte, 1)
	for i := range count {
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if err != nil {
			return fmt.Errorf("accept connection %d: %w", i, err)
		}
		if err := exchange(fd, unix.Read, unix.Write, letter); err != nil {
			return fmt.Errorf("serve connection %d: %w", i, err)
		}
	}
	untilEnd()
	return nil
}

// holdAll makes as many connections, one after the other, says one byte on
// each, and keeps them.
func holdAll(port, count int) error {
	letter := make([]byte, 1)
	for i := range count {
		fd, err := connected(port)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		if err := exchange(fd, unix.Write, unix.Read, letter); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
	}
	if err := tell(count); err != nil {
		return err
	}
	untilEnd()
	return nil
}

// exchange does two steps with one byte each.
func exchange(fd int, first, second func(int, []byte) (int, error), letter []byte) error {
	for _, step := range []func(int, []byte) (int, error){first, second} {
		n, err := step(fd, letter)
		for err == unix.EINTR {
			n, err = step(fd, letter)
		}
		if err != nil || n != len(letter) {
			return fmt.Errorf("exchange of one byte: %d, %w", n, err)
		}
	}
	return nil
}

// crowd is many open connections, held by pairs of helpers.
type crowd struct {
	helpers []*helper
	folder  string // of the names they go by; empty: none
}

// gather opens the connections, pair by pair.
func gather(ctx context.Context, sp *space, count int) (c *crowd, err error) {
	c = &crowd{}
	defer func() {
		if err != nil {
			_ = c.leave()
		}
	}()
	each := perHelper
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return c, fmt.Errorf("read the limit of open files: %w", err)
	}
	// Go raises the soft limit to the hard one in every program; 64 are left for
	// what a program has open besides.
	if limit.Max < perHelper+64 {
		if limit.Max < 128 {
			return c, fmt.Errorf("a process may open %d files: raise the limit, ulimit -Hn", limit.Max)
		}
		each = int(limit.Max) - 64
	}
	for left := count; left > 0; left -= each {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		if err := c.pair(sp, min(left, each)); err != nil {
			return c, fmt.Errorf("open %d connections: %w", count, err)
		}
	}
	return c, nil
}

func (c *crowd) pair(sp *space, count int) error {
	server, err := startHelper(sp, "accept", count)
	if err != nil {
		return err
	}
	c.helpers = append(c.helpers, server)
	var port, held int
	if err := server.hear(&port, 10*time.Second); err != nil {
		return err
	}
	client, err := startHelper(sp, "hold", port, count)
	if err != nil {
		return err
	}
	c.helpers = append(c.helpers, client)
	return client.hear(&held, time.Minute)
}

// leave closes all connections, the clients' ends first.
func (c *crowd) leave() error {
	var errs []error
	for i := len(c.helpers) - 1; i >= 0; i-- {
		errs = append(errs, c.helpers[i].stop())
	}
	c.helpers = nil
	if c.folder != "" {
		errs = append(errs, os.RemoveAll(c.folder))
	}
	return errors.Join(errs...)
}
