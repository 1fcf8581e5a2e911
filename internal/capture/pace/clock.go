package pace

import (
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// reading is what the clocks show at one moment, in nanoseconds.
type reading struct {
	wall  int64 // CLOCK_REALTIME, which people and programs may set
	boot  int64 // CLOCK_BOOTTIME, which goes on while the machine sleeps
	awake int64 // CLOCK_MONOTONIC, which does not
}

// readClocks reads them one after the other; what passes in between is far less
// than what counts as a jump.
func readClocks() reading {
	var wall, boot, awake unix.Timespec
	// None of them can fail on a kernel that this program runs on.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &awake)
	_ = unix.ClockGettime(unix.CLOCK_REALTIME, &wall)
	return reading{wall.Nano(), boot.Nano(), awake.Nano()}
}

// Now is the time of what is observed now: that of the wall clock when the
// observation began, and what has passed since. It never jumps, so that of two
// observations the later has the later time.
func (p *Pace) Now() flow.Time { return flow.Time(p.read().boot + p.offset) }

// Offset is what such a time has more than CLOCK_BOOTTIME, in nanoseconds.
func (p *Pace) Offset() int64 { return p.offset }

func timeOf(ns int64) time.Time { return time.Unix(0, ns) }
