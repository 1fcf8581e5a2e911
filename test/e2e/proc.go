package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Proc names a process for good: its pid and its start time in clock ticks
// since boot, as the map's node ids do.
type Proc struct {
	PID   int
	Start uint64
}

func (p Proc) String() string { return fmt.Sprintf("%d@%d", p.PID, p.Start) }

// IsZero reports whether p names no process.
func (p Proc) IsZero() bool { return p == Proc{} }

// parseProc reads pid@start, the end of the id of a process node.
func parseProc(s string) (Proc, bool) {
	pid, start, ok := strings.Cut(s, "@")
	if !ok {
		return Proc{}, false
	}
	p, err := strconv.Atoi(pid)
	if err != nil {
		return Proc{}, false
	}
	at, err := strconv.ParseUint(start, 10, 64)
	return Proc{PID: p, Start: at}, err == nil
}

// procOf reads who runs under a pid now.
func procOf(pid int) (Proc, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Proc{}, fmt.Errorf("read start time of pid %d: %w", pid, err)
	}
	start, err := parseStartTime(string(text))
	if err != nil {
		return Proc{}, fmt.Errorf("read start time of pid %d: %w", pid, err)
	}
	return Proc{PID: pid, Start: start}, nil
}

// executableOf is the name of the program that a process runs; empty if it is gone.
func executableOf(p Proc) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.PID))
	if now, gone := procOf(p.PID); err != nil || gone != nil || now != p {
		return ""
	}
	return filepath.Base(path)
}

// parseStartTime takes field 22 of a stat line. Field 2 is the name in
// parentheses, which may itself hold spaces and parentheses.
func parseStartTime(stat string) (uint64, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return 0, fmt.Errorf("stat line of %d fields", len(fields)+2)
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// children lists the direct children of a process, from the kernel's own list
// of each of its threads.
func children(pid int) ([]int, error) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil, fmt.Errorf("list threads of pid %d: %w", pid, err)
	}
	var out []int
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if err != nil {
			continue // the thread ended meanwhile
		}
		for _, f := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(f); err == nil {
				out = append(out, child)
			}
		}
	}
	return out, nil
}
