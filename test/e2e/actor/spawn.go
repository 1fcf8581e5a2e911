package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

// spawn starts a child actor with the sockets named in c.Inherit, as a
// pre-fork server does with its workers. All other sockets are close-on-exec.
func (a *actor) spawn(c script.Command, f *script.Fact) error {
	argv := []string{c.Exe, "-in", c.In, "-out", c.Out}
	if len(c.Inherit) > 0 {
		argv = append(argv, "-inherit", strings.Join(c.Inherit, ","))
	}
	if c.PID != 0 {
		pid, err := forkAs(c.PID, c.Exe, argv)
		f.Child = pid
		answer(f, err)
		return nil
	}
	files := []uintptr{0, 1, 2}
	for _, name := range c.Inherit {
		fd, err := a.get(name)
		if err != nil {
			return err
		}
		files = append(files, uintptr(fd))
	}
	pid, err := syscall.ForkExec(c.Exe, argv, &syscall.ProcAttr{Env: os.Environ(), Files: files})
	if err != nil {
		return fmt.Errorf("start %s: %w", c.Exe, err)
	}
	f.Child = pid
	return nil
}

// wait reaps a child, so that its pid is free.
func (a *actor) wait(c script.Command, f *script.Fact) error {
	var status unix.WaitStatus
	answer(f, again(func() error {
		_, err := unix.Wait4(c.PID, &status, 0, nil)
		return err
	}))
	f.Child = c.PID
	f.Count = status.ExitStatus()
	return nil
}

// forkAs starts a program with a chosen pid: clone3 with set_tid (Linux 5.5),
// allowed to those who have CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN.
func forkAs(pid int, exe string, argv []string) (int, error) {
	path, err := unix.BytePtrFromString(exe)
	if err != nil {
		return 0, err
	}
	args, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return 0, err
	}
	env, err := syscall.SlicePtrFromStrings(os.Environ())
	if err != nil {
		return 0, err
	}
	tid := int32(pid)
	// struct clone_args of include/uapi/linux/sched.h, all fields 64 bits.
	clone := [11]uint64{}
	clone[4] = uint64(unix.SIGCHLD)
	clone[8] = uint64(uintptr(unsafe.Pointer(&tid)))
	clone[9] = 1
	// The child is a copy with this one thread only: it may make raw system
	// calls and nothing else until it is another program.
	syscall.ForkLock.Lock()
	child, _, errno := unix.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&clone)), unsafe.Sizeof(clone), 0)
	if errno == 0 && child == 0 {
		unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&args[0])), uintptr(unsafe.Pointer(&env[0])))
		for {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 127, 0, 0)
		}
	}
	syscall.ForkLock.Unlock()
	if errno != 0 {
		return 0, errno
	}
	return int(child), nil
}
