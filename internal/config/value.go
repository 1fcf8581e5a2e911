package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is written as in Go, and with days: 10s, 1h30m, 30d.
type Duration time.Duration

// ParseDuration reads what String writes.
func ParseDuration(s string) (Duration, error) {
	whole, rest := time.Duration(0), s
	if days, after, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || !(n >= 0) || n > 100_000 {
			return 0, errors.New("it is a duration, as 10s, 1h30m or 30d")
		}
		whole, rest = time.Duration(n*24*float64(time.Hour)), after
		if rest == "" {
			return Duration(whole), nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil {
		return 0, errors.New("it is a duration, as 10s, 1h30m or 30d")
	}
	if d < 0 || whole > math.MaxInt64-d {
		return 0, errors.New("it cannot be negative, nor more than 290 years")
	}
	return Duration(whole + d), nil
}

func (d Duration) String() string {
	day := Duration(24 * time.Hour)
	if d > 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Size is bytes; it is written with the units of powers of 1024 or 1000: 500MiB,
// 2GB.
type Size int64

var sizeUnits = [...]struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40}, {"B", 1},
}

// ParseSize reads what String writes.
func ParseSize(s string) (Size, error) {
	factor, number := 1.0, s
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(s, u.name); ok {
			factor, number = u.bytes, strings.TrimSpace(n)
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n >= 0) || n*factor >= 1<<62 {
		return 0, errors.New("it is a size in bytes, as 500MiB or 2GB")
	}
	return Size(n * factor), nil
}

func (s Size) String() string {
	for _, u := range []struct {
		name  string
		bytes Size
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s >= u.bytes && s%u.bytes == 0 {
			return fmt.Sprintf("%d%s", s/u.bytes, u.name)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
