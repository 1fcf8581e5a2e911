package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The shape of a mesh: every client calls every port of every server, and each such
// pair of processes and port is an edge with as many connections.
const (
	meshServers = 10
	meshPorts   = 10 // of each server
	meshEach    = 10 // connections of an edge
	// meshPrograms is how many names the clients go by; each server has its own.
	meshPrograms = 10
	// meshBeats is how often a second a client uses some of its connections.
	meshBeats = 2
)

// meshEdges is how many edges a client makes.
const meshEdges = meshServers * meshPorts

// echoAll listens on some ports and sends back what comes, until it is ended.
func echoAll(ports int) error {
	var told []int
	for range ports {
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return fmt.Errorf("make listener: %w", err)
		}
		told = append(told, l.Addr().(*net.TCPAddr).Port)
		go func() {
			for {
				c, err := l.AcceptTCP()
				if err != nil {
					return // the program ends
				}
				go echo(c)
			}
		}()
	}
	if err := tell(told); err != nil {
		return err
	}
	untilEnd()
	return nil
}

func echo(c net.Conn) {
	defer c.Close()
	letter := make([]byte, 1)
	for {
		if _, err := io.ReadFull(c, letter); err != nil {
			return
		}
		if _, err := c.Write(letter); err != nil {
			return
		}
	}
}

// useSome makes connections to all ports and uses so many of them a second, each time
// of other edges, until it is ended.
func useSome(rate int, ports []int) error {
	var fds []int
	for range meshEach {
		for _, port := range ports { // one edge after the other
			fd, err := connected(port)
			if err != nil {
				return fmt.Errorf("connection %d: %w", len(fds), err)
			}
			fds = append(fds, fd)
		}
	}
	letter := make([]byte, 1)
	for i, fd := range fds {
		if err := exchange(fd, unix.Write, unix.Read, letter); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
	}
	if err := tell(len(fds)); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() {
		beat := time.NewTicker(time.Second / meshBeats)
		defer beat.Stop()
		for next := 0; ; {
			<-beat.C
			for range rate / meshBeats {
				if err := exchange(fds[next], unix.Write, unix.Read, letter); err != nil {
					failed <- err
					return
				}
				next = (next + 1) % len(fds)
			}
		}
	}()
	untilEnd()
	select {
	case err := <-failed:
		return fmt.Errorf("use a connection: %w", err)
	default:
		return nil
	}
}

// weave starts a mesh with so many edges, of which as many connections are used a
// second. edges is a multiple of meshEdges.
func weave(ctx context.Context, sp *space, edges, used int) (c *crowd, err error) {
	c = &crowd{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.leave())
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return c, fmt.Errorf("find own program: %w", err)
	}
	if c.folder, err = os.MkdirTemp("", "overhead"); err != nil {
		return c, err
	}
	// A process is called by the name it was started by.
	start := func(name string, args ...any) (*helper, error) {
		path := filepath.Join(c.folder, name)
		if err := os.Symlink(self, path); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, err
		}
		return startAs(sp, path, args...)
	}
	var ports []any
	for i := range meshServers {
		h, err := start(fmt.Sprintf("service-%d", i), "echo", meshPorts)
		if err != nil {
			return c, err
		}
		c.helpers = append(c.helpers, h)
		var told []int
		if err := h.hear(&told, 10*time.Second); err != nil {
			return c, err
		}
		for _, p := range told {
			ports = append(ports, p)
		}
	}
	clients := edges / meshEdges
	for i := range clients {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		h, err := start(fmt.Sprintf("app-%d", i%meshPrograms), append([]any{"use", used / clients}, ports...)...)
		if err != nil {
			return c, err
		}
		c.helpers = append(c.helpers, h)
		var made int
		if err := h.hear(&made, time.Minute); err != nil {
			return c, err
		}
	}
	return c, nil
}
