package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// role is what one process does: it answers, and calls others.
type role struct {
	// Listen are addresses as tcp://10.77.0.10:8080, unix:///tmp/x or
	// udp://10.77.0.30:53.
	Listen []string `json:"listen,omitempty"`
	// Answer is how many bytes an answer has, Delay how long it takes.
	Answer int           `json:"answer,omitempty"`
	Delay  time.Duration `json:"delay,omitempty"`
	// Calls it makes by itself; Behind it makes for each request that it answers.
	Calls  []call `json:"calls,omitempty"`
	Behind []call `json:"behind,omitempty"`
	// Once: it ends when it has called each once.
	Once bool `json:"once,omitempty"`
}

// call is a request that is made again and again.
type call struct {
	To    string        `json:"to"`
	Every time.Duration `json:"every,omitempty"`
	// Keep connections open, that many, and use one after the other; 0: one for
	// each request.
	Keep int `json:"keep,omitempty"`
	Send int `json:"send"` // bytes
}

func (r *role) play(ctx context.Context) error {
	behind := make([]*caller, len(r.Behind))
	for i, c := range r.Behind {
		behind[i] = &caller{call: c}
	}
	for _, l := range r.Listen {
		if err := r.listen(ctx, l, behind); err != nil {
			return err
		}
	}
	var all sync.WaitGroup
	for _, c := range r.Calls {
		own := &caller{call: c}
		all.Go(func() {
			if r.Once {
				_ = own.request(ctx)
				return
			}
			own.repeat(ctx)
		})
	}
	if r.Once {
		all.Wait()
		return nil
	}
	<-ctx.Done()
	return nil
}

// split takes tcp://HOST:PORT apart.
func split(to string) (network, addr string, err error) {
	for _, n := range []string{"tcp", "udp", "unix"} {
		if rest, ok := strings.CutPrefix(to, n+"://"); ok {
			return n, rest, nil
		}
	}
	return "", "", fmt.Errorf("%q is not tcp://, udp:// or unix://", to)
}

func (r *role) listen(ctx context.Context, to string, behind []*caller) error {
	network, addr, err := split(to)
	if err != nil {
		return err
	}
	if network == "udp" {
		c, err := net.ListenPacket("udp", addr)
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { c.Close() })
		go r.answerDatagrams(c)
		return nil
	}
	if network == "unix" {
		os.Remove(addr)
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.answer(ctx, c, behind)
		}
	}()
	return nil
}

func (r *role) answerDatagrams(c net.PacketConn) {
	buf := make([]byte, 2048)
	for {
		_, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		_, _ = c.WriteTo(buf[:min(max(r.Answer, 1), len(buf))], from)
	}
}

// A request is a line with its own length in bytes, so is an answer.
func (r *role) answer(ctx context.Context, c net.Conn, behind []*caller) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		if err := readMessage(in); err != nil {
			return
		}
		for _, b := range behind {
			_ = b.request(ctx)
		}
		time.Sleep(r.Delay)
		if err := writeMessage(c, r.Answer); err != nil {
			return
		}
	}
}

func readMessage(in *bufio.Reader) error {
	var n int
	if _, err := fmt.Fscanf(in, "%d\n", &n); err != nil {
		return err
	}
	if n < 0 || n > 1<<20 {
		return errors.New("a message of impossible length")
	}
	_, err := io.CopyN(io.Discard, in, int64(n))
	return err
}

func writeMessage(c net.Conn, n int) error {
	_, err := c.Write(append(fmt.Appendf(nil, "%d\n", n), make([]byte, n)...))
	return err
}

// caller makes one kind of request.
type caller struct {
	call
	mu   sync.Mutex
	kept []net.Conn
	next int
}

func (c *caller) repeat(ctx context.Context) {
	for ctx.Err() == nil {
		if err := c.request(ctx); err != nil && ctx.Err() == nil {
			pause(ctx, 200*time.Millisecond)
		}
		pause(ctx, time.Duration(float64(c.Every)*(0.5+rand.Float64())))
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (c *caller) request(ctx context.Context) error {
	network, addr, err := split(c.To)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	conn, err := c.conn(ctx, network, addr)
	if err != nil {
		return err
	}
	if err := exchange(conn, network, c.Send); err != nil || c.Keep == 0 {
		conn.Close()
		for i, k := range c.kept {
			if k == conn {
				c.kept = append(c.kept[:i], c.kept[i+1:]...)
				break
			}
		}
		return err
	}
	return nil
}

func (c *caller) conn(ctx context.Context, network, addr string) (net.Conn, error) {
	if len(c.kept) < max(c.Keep, 1) || c.Keep == 0 {
		d := net.Dialer{Timeout: 2 * time.Second}
		conn, err := d.DialContext(ctx, network, addr)
		if err == nil && c.Keep > 0 {
			c.kept = append(c.kept, conn)
		}
		return conn, err
	}
	c.next++
	return c.kept[c.next%len(c.kept)], nil
}

func exchange(conn net.Conn, network string, send int) error {
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if network == "udp" {
		if _, err := conn.Write(make([]byte, max(send, 1))); err != nil {
			return err
		}
		_, err := conn.Read(make([]byte, 2048))
		return err
	}
	if err := writeMessage(conn, send); err != nil {
		return err
	}
	return readMessage(bufio.NewReader(conn))
}
