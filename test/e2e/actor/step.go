package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

// do runs one command. An answer of the kernel goes to f.Errno; the error says
// that the command made no sense.
func (a *actor) do(c script.Command, f *script.Fact) error {
	switch c.Op {
	case script.Hello, script.Exit:
		return nil
	case script.Listen:
		return a.listen(c, f)
	case script.GoListen:
		return a.goListen(c, f)
	case script.Connect:
		return a.connect(c, f)
	case script.SocketPair:
		return a.socketPair(c, f)
	case script.Spawn:
		return a.spawn(c, f)
	case script.Wait:
		return a.wait(c, f)
	case script.Stop:
		return a.stop(c, f)
	case script.Burst:
		return a.burst(c, f)
	case script.Rate:
		return rate(c, f)
	case script.Brief:
		return brief(c, f)
	case script.SendTo:
		return a.sendTo(c, f)
	case script.Relays:
		return a.relays(c, f)
	}
	fd, err := a.get(c.Sock)
	if err != nil {
		return err
	}
	switch c.Op {
	case script.Accept, script.TryAccept:
		return a.accept(fd, c, f)
	case script.Finish:
		return finish(fd, c, f)
	case script.Send:
		return send(fd, c, f)
	case script.Receive:
		return receive(fd, c, f)
	case script.ReadText:
		return readText(fd, c, f)
	case script.ReceiveFrom:
		return receiveFrom(fd, c, f)
	case script.Shutdown:
		return shutdown(fd, c, f)
	case script.Close, script.Reset:
		return a.closeSocket(fd, c, f)
	case script.Disconnect:
		return disconnect(fd, f)
	case script.Inspect:
		return inspect(fd, f)
	case script.Give:
		return a.give(fd, c, f)
	case script.Take:
		return a.take(fd, c, f)
	case script.Serve:
		return a.serve(fd, c)
	case script.Forward:
		return a.forward(fd, c)
	}
	return fmt.Errorf("no operation %q", c.Op)
}

func (a *actor) put(name string, fd int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sockets[name] = fd
}

func (a *actor) get(name string) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fd, ok := a.sockets[name]
	if !ok {
		return -1, fmt.Errorf("no socket %q", name)
	}
	return fd, nil
}

func (a *actor) drop(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sockets, name)
}

// answer records what the kernel said to a system call. It reports whether the
// call succeeded.
func answer(f *script.Fact, err error) bool {
	if err == nil {
		return true
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		f.Errno = unix.ErrnoName(errno)
	} else {
		f.Problem = err.Error()
	}
	return false
}

// again repeats a system call that a signal interrupted.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// ready waits until fd has one of the events; ETIMEDOUT from here is the
// lab's, not the kernel's, so it is an error and no answer.
func ready(fd int, events int16, timeoutMS int) error {
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	n := 0
	err := again(func() (err error) {
		n, err = unix.Poll(p, timeoutMS)
		return err
	})
	if err == nil && n == 0 {
		return fmt.Errorf("nothing on descriptor %d within %d ms", fd, timeoutMS)
	}
	return err
}
