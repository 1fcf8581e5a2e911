package tui

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Figures of a table: three digits that count, no blank before the unit, so that
// a column stays narrow.

// amount writes a number of bytes: "999B", "1.2MB".
func amount(n float64) string {
	if math.Round(n) < 1000 {
		return strconv.FormatFloat(math.Round(n), 'f', 0, 64) + "B"
	}
	return scaled(n/1000, "kB", "MB", "GB", "TB", "PB", "EB")
}

// seconds writes a time: "812µs", "1.2ms", "12.3s".
func seconds(s float64, micro string) string {
	us := s * 1e6
	switch {
	case math.Round(us) < 1000:
		return strconv.FormatFloat(math.Round(us), 'f', 0, 64) + micro + "s"
	case us < 999.5e3:
		return scaled(us/1e3, "ms")
	}
	return scaled(s, "s")
}

// perSecond writes how many a second: "0.3", "14", "1.2k".
func perSecond(n float64) string {
	switch {
	case n < 9.95 && n != math.Trunc(n):
		return strconv.FormatFloat(n, 'f', 1, 64)
	case n < 9_999.5:
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return scaled(n/1000, "k", "M", "G")
}

func count(n uint64) string {
	if n < 100_000 {
		return strconv.FormatUint(n, 10)
	}
	return scaled(float64(n)/1000, "k", "M", "G", "T", "P")
}

func scaled(v float64, units ...string) string {
	i := 0
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	digits := 1
	if v >= 99.95 { // would be written as 100.0
		digits = 0
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + units[i]
}

// many counts things: "1 edge", "3 edges".
func many(n uint64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return count(n) + " " + thing + "s"
}

// lasting writes a span of time for people: "8s", "2m31s", "1h30m".
func lasting(d time.Duration) string {
	d = d.Round(time.Second)
	if d >= time.Hour {
		d = d.Round(time.Minute)
	}
	text := d.String()
	if d >= time.Minute && d%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d >= time.Hour && d%time.Hour == 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
