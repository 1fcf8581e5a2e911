package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is what a process has used, all of its threads, also those that
// ended, user and system, in nanoseconds as the scheduler counts. Work that
// interrupts do is charged to whoever they interrupt.
func processorTime(pid int) (time.Duration, error) {
	// The clock of another process: its pid inverted, three bits further up, with
	// the kind of clock below: 2 counts what the scheduler gave it.
	clock := int32(^pid)<<3 | 2
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, fmt.Errorf("read processor time of pid %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// timeOf adds up several processes.
func timeOf(pids []int) (sum time.Duration, err error) {
	for _, pid := range pids {
		t, err := processorTime(pid)
		if err != nil {
			return 0, err
		}
		sum += t
	}
	return sum, nil
}

// kthreadd is the parent of every thread of the kernel.
const kthreadd = 2

// kernelThreads is what each thread of the kernel has used. Some of the cost of
// connections is theirs: interrupts that were put off, sockets that are freed
// later, deaths that are told.
func kernelThreads() (map[int]time.Duration, error) {
	pids, err := childrenOf(kthreadd)
	if err != nil {
		return nil, err
	}
	used := make(map[int]time.Duration, len(pids))
	for _, pid := range pids {
		if t, err := processorTime(pid); err == nil { // else it ended meanwhile
			used[pid] = t
		}
	}
	return used, nil
}

// usedSince is what all of them used between two readings. One that came after
// the first has used everything since.
func usedSince(before, after map[int]time.Duration) (sum time.Duration) {
	for pid, t := range after {
		if was, ok := before[pid]; !ok || t >= was {
			sum += t - was
		}
	}
	return sum
}

// childrenOf lists the direct children of a process.
func childrenOf(parent int) ([]int, error) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	if err != nil || len(lists) == 0 {
		return nil, fmt.Errorf("list children of pid %d: no such process", parent)
	}
	var pids []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // that thread ended meanwhile
		}
		for _, f := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(f); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids, nil
}

// idleTime is how long all cores together had nothing to do since boot, with a
// precision of 10 ms.
func idleTime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("read idle time: %w", err)
	}
	return parseIdle(string(text))
}

// parseIdle adds up idle and iowait, the fourth and fifth value of the first
// line, in hundredths of a second.
func parseIdle(stat string) (time.Duration, error) {
	line, _, _ := strings.Cut(stat, "\n")
	f := strings.Fields(line)
	if len(f) < 6 || f[0] != "cpu" {
		return 0, fmt.Errorf("read idle time: %q is not the line of all cores", line)
	}
	var sum uint64
	for _, v := range f[4:6] {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read idle time: %w", err)
		}
		sum += n
	}
	return time.Duration(sum) * 10 * time.Millisecond, nil
}

// memory is what of a process is resident, in bytes.
type memory struct{ now, peak uint64 }

// residentOf reads a process's memory. A process that is about to end has none.
func residentOf(pid int) (memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, fmt.Errorf("read memory of pid %d: %w", pid, err)
	}
	return parseMemory(string(text))
}

// parseMemory reads /proc/PID/status, which says kB and means KiB.
func parseMemory(status string) (m memory, err error) {
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		to := map[string]*uint64{"VmRSS": &m.now, "VmHWM": &m.peak}[name]
		if to == nil {
			continue
		}
		kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
		*to = kib << 10
	}
	return m, nil
}
