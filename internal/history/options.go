package history

import (
	"errors"
	"fmt"
	"time"
)

// Options say how much is kept. The zero value is the defaults.
type Options struct {
	// Keep is for how long windows of each length are kept: those that were told,
	// and those of a minute, ten minutes and an hour that are made of them. 0: the
	// default.
	Keep Keep
	// MaxBytes bounds the files of the store; 0: the default. What is oldest is
	// removed first.
	MaxBytes int64
	// Tell is called with a line for people, as that a damaged store was set aside.
	Tell func(text string)
	// NoSync leaves it to the kernel when files are really on the disk: what it
	// did not write yet is lost with the power, but not with the program.
	NoSync bool

	now func() time.Time // for tests
}

// Keep says how long windows are kept, by their length.
type Keep struct {
	Fine, Minute, TenMinutes, Hour time.Duration
}

// DefaultKeep is what Options without Keep mean.
func DefaultKeep() Keep {
	return Keep{Fine: 6 * time.Hour, Minute: 48 * time.Hour, TenMinutes: 14 * 24 * time.Hour, Hour: 90 * 24 * time.Hour}
}

// DefaultMaxBytes is what Options without MaxBytes mean.
const DefaultMaxBytes = 1 << 30

// LeastBytes is the least that MaxBytes can be, LeastKeep the least time.
const (
	LeastBytes = 1 << 20
	LeastKeep  = 10 * time.Minute
)

// Check fails on options that cannot be.
func (o Options) Check() error {
	o = o.filled()
	if o.MaxBytes < LeastBytes {
		return fmt.Errorf("the size of the history must be at least %d MiB", LeastBytes>>20)
	}
	k := o.Keep
	if min(k.Fine, k.Minute, k.TenMinutes, k.Hour) < LeastKeep {
		return fmt.Errorf("the history must keep windows for at least %v", LeastKeep)
	}
	if k.Minute < k.Fine || k.TenMinutes < k.Minute || k.Hour < k.TenMinutes {
		return errors.New("the history must keep longer windows at least as long as shorter ones")
	}
	return nil
}

func (o Options) filled() Options {
	d := DefaultKeep()
	fill := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	fill(&o.Keep.Fine, d.Fine)
	fill(&o.Keep.Minute, d.Minute)
	fill(&o.Keep.TenMinutes, d.TenMinutes)
	fill(&o.Keep.Hour, d.Hour)
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	if o.now == nil {
		o.now = time.Now
	}
	return o
}
