package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what this program has of memory, bytes.
type usage struct {
	heap     uint64 // that is in use
	resident uint64
	highest  uint64 // that resident ever was
}

// inUse collects garbage and reads what is left.
func inUse() usage {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{heap: m.HeapAlloc, resident: status("VmRSS"), highest: status("VmHWM")}
}

// status is a line of /proc/self/status that is in kB, as bytes; 0: not there.
func status(name string) uint64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10
		}
	}
	return 0
}

// processorTime is what all threads of this program have used.
func processorTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// threadTime is what the calling thread has used.
func threadTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

func mib(n uint64) string { return fmt.Sprintf("%.1fM", float64(n)/(1<<20)) }

// Late hours may have this much more than early ones: what a map holds differs a
// little from hour to hour.
const (
	tolerance = 1.10
	slack     = 3 << 20
)

// flat compares the last third of the hours with the second: the first fills the
// tables.
func flat(out io.Writer, hours []hour) error {
	n := len(hours) / 3
	if n == 0 {
		return nil
	}
	mean := func(list []hour, of func(usage) uint64) (sum float64) {
		for _, h := range list {
			sum += float64(of(h.usage)) / float64(len(list))
		}
		return sum
	}
	for _, v := range [...]struct {
		name  string
		of    func(usage) uint64
		slack float64
	}{{"heap", func(u usage) uint64 { return u.heap }, slack}, {"rss", func(u usage) uint64 { return u.resident }, 4 * slack}} {
		early, late := mean(hours[n:2*n], v.of), mean(hours[len(hours)-n:], v.of)
		fmt.Fprintf(out, "%s: %s in hours %d to %d, %s in the last %d; at most %.0f%% and %s more are flat\n", v.name, mib(uint64(early)), n, 2*n-1,
			mib(uint64(late)), n, 100*(tolerance-1), mib(uint64(v.slack)))
		if late > early*tolerance+v.slack {
			return fmt.Errorf("memory grows: %s of %s in the last hours, %s before", mib(uint64(late)), v.name, mib(uint64(early)))
		}
	}
	return nil
}
