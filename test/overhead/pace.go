package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// answerers are the server's threads. Each serves one connection at a time, and
	// none waits long.
	answerers = 8
	// dialers are the client's threads. Each makes its share of connections in
	// small batches, one a beat, so that it is not woken for every answer.
	dialers = 2
	beat    = time.Millisecond
	// requestSize and answerSize are the payload of a connection.
	requestSize, answerSize = 64, 128
)

// answer serves connections: one request, one answer, and the server closes
// first, so that the client's port is free again at once.
func answer() error {
	listener, port, err := listening()
	if err != nil {
		return err
	}
	// A thread that waits in the kernel must not hold up the others.
	runtime.GOMAXPROCS(answerers + 1)
	for range answerers {
		go func() {
			runtime.LockOSThread()
			buffer := make([]byte, answerSize)
			for {
				fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
				if err != nil {
					if err == unix.EINTR || err == unix.ECONNABORTED {
						continue
					}
					fmt.Fprintln(os.Stderr, "overhead: accept:", err)
					os.Exit(1)
				}
				if n, err := unix.Read(fd, buffer); err == nil && n == requestSize {
					_, _ = unix.Write(fd, buffer)
				}
				unix.Close(fd)
			}
		}()
	}
	if err := tell(port); err != nil {
		return err
	}
	untilEnd()
	return nil
}

// paced is what a dialer did.
type paced struct {
	Connections uint64  // that were made and answered
	Failed      uint64  // that were not
	Seconds     float64 // from the first to the last
	Why         string  // of the first failure
}

// dial makes connections at a steady pace. If it cannot hold the pace it is
// late, and ends when the time that was planned is over by half.
func dial(port, rate int, length time.Duration) error {
	runtime.GOMAXPROCS(dialers + 1)
	results := make([]paced, dialers)
	var all sync.WaitGroup
	began := time.Now().Add(10 * time.Millisecond)
	for i := range results {
		share := rate / dialers
		if i < rate%dialers {
			share++
		}
		all.Go(func() {
			runtime.LockOSThread()
			results[i] = dialShare(port, share, began, length)
		})
	}
	all.Wait()
	var sum paced
	for _, r := range results {
		sum.Connections += r.Connections
		sum.Failed += r.Failed
		sum.Seconds = max(sum.Seconds, r.Seconds)
		if sum.Why == "" {
			sum.Why = r.Why
		}
	}
	if err := tell(sum); err != nil {
		return err
	}
	untilEnd()
	return nil
}

func dialShare(port, rate int, began time.Time, length time.Duration) (r paced) {
	total := uint64(rate) * uint64(length) / uint64(time.Second)
	request, buffer := make([]byte, requestSize), make([]byte, answerSize)
	var fds []int
	fail := func(err error) {
		r.Failed++
		if r.Why == "" {
			r.Why = err.Error()
		}
	}
	for at := began; r.Connections+r.Failed < total; at = at.Add(beat) {
		if wait := time.Until(at); wait > 0 {
			time.Sleep(wait)
		} else if -wait > length/2 {
			break
		}
		due := min(uint64(at.Add(beat).Sub(began))*uint64(rate)/uint64(time.Second), total)
		fds = fds[:0]
		for range due - r.Connections - r.Failed {
			fd, err := connected(port)
			if err != nil {
				fail(err)
				continue
			}
			if _, err := unix.Write(fd, request); err != nil {
				fail(fmt.Errorf("send request: %w", err))
				unix.Close(fd)
				continue
			}
			fds = append(fds, fd)
		}
		for _, fd := range fds {
			if err := takeAnswer(fd, buffer); err != nil {
				fail(err)
			} else {
				r.Connections++
			}
			unix.Close(fd)
		}
	}
	r.Seconds = time.Since(began).Seconds()
	return r
}

// takeAnswer reads until the server has closed.
func takeAnswer(fd int, buffer []byte) error {
	got := 0
	for {
		n, err := unix.Read(fd, buffer)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("read answer: %w", err)
		case n == 0 && got != answerSize:
			return fmt.Errorf("read answer: %d bytes, want %d", got, answerSize)
		case n == 0:
			return nil
		default:
			got += n
		}
	}
}
