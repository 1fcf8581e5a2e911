package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

// onceFlag makes the program one that lives for one connection.
const onceFlag = "-once"

// brief runs such a program c.Count times. When it has exited and is not reaped
// yet, the kernel still tells when it began.
func brief(c script.Command, f *script.Fact) error {
	argv := []string{c.Exe, onceFlag, c.Kind, c.Addr, strconv.FormatInt(c.Request, 10), strconv.FormatInt(c.Reply, 10)}
	for range c.Count {
		child := script.Child{Began: time.Now().UnixNano()}
		pid, err := syscall.ForkExec(c.Exe, argv, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
		if err != nil {
			return fmt.Errorf("start %s: %w", c.Exe, err)
		}
		child.PID = pid
		if err := again(func() error { return unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) }); err != nil {
			return fmt.Errorf("wait for %s: %w", c.Exe, err)
		}
		child.Ended = time.Now().UnixNano()
		if child.Start, err = startTime(strconv.Itoa(pid)); err != nil {
			return err
		}
		var status unix.WaitStatus
		if err := again(func() error { _, err := unix.Wait4(pid, &status, 0, nil); return err }); err != nil {
			return fmt.Errorf("reap %s: %w", c.Exe, err)
		}
		child.Status = status.ExitStatus()
		f.Children = append(f.Children, child)
		f.Count++
	}
	return nil
}

// once is the whole life of such a program. What it exits with is 0 if all went
// as it was told.
func once(args []string) int {
	kind, addr := args[0], args[1]
	request, _ := strconv.Atoi(args[2])
	reply, _ := strconv.Atoi(args[3])
	sa, family, err := address(kind, addr)
	if err != nil {
		return 2
	}
	if call(kind, family, sa, make([]byte, request), make([]byte, reply)) != nil {
		return 1
	}
	return 0
}

// startTime is field 22 of the stat file of a process, in clock ticks since
// boot. The name before it is in parentheses and may hold spaces.
func startTime(pid string) (uint64, error) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0, fmt.Errorf("read start time: %w", err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 {
		return 0, fmt.Errorf("read start time: %d fields", len(fields))
	}
	return strconv.ParseUint(fields[19], 10, 64)
}
