package export

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Figures for people: SI units with three digits that count, a space between
// number and unit.

// none stands for what is not known.
const none = "-"

// bytesText writes a number of bytes: "999 B", "1.2 MB".
func bytesText(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10) + " B"
	}
	return scaled(float64(n), 1000, "kB", "MB", "GB", "TB", "PB", "EB")
}

// rateText writes bytes a second.
func rateText(perSecond float64) string {
	if perSecond < 1000 {
		return strconv.FormatFloat(math.Round(perSecond), 'f', 0, 64) + " B/s"
	}
	return scaled(perSecond, 1000, "kB/s", "MB/s", "GB/s", "TB/s", "PB/s", "EB/s")
}

// microsText writes microseconds: "812 µs", "1.2 ms", "12.3 s".
func microsText(us float64, micro string) string {
	if math.Round(us) < 1000 {
		return strconv.FormatFloat(math.Round(us), 'f', 0, 64) + " " + micro + "s"
	}
	if us < 999.5e3 {
		return scaled(us, 1000, "ms")
	}
	return scaled(us, 1e6, "s")
}

// countText writes a number of things, in full while it is short: people compare
// counts of connections to the last digit.
func countText(n uint64) string {
	if n < 100_000 {
		return strconv.FormatUint(n, 10)
	}
	return scaled(float64(n), 1000, "k", "M", "G", "T", "P", "E")
}

// scaled divides by 1000 until the number is below 1000 as it will be printed;
// first is what the first unit stands for.
func scaled(v, first float64, units ...string) string {
	v /= first
	i := 0
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	digits := 1 // 99.95 would be printed as 100.0
	if v >= 99.95 {
		digits = 0
	}
	space := " "
	if len(units[i]) == 1 && units[i] != "s" {
		space = "" // 124k
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + space + units[i]
}

// spanText writes the length of a window: tenths of a second while they matter,
// then the two greatest units.
func spanText(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second && d%time.Second >= 50*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case m > 0 && s > 0:
		return fmt.Sprintf("%d min %d s", m, s)
	case m > 0:
		return fmt.Sprintf("%d min", m)
	}
	return fmt.Sprintf("%d s", s)
}

// shareText writes a share of 1 rounded down, so that 100% means all: one lost
// connection in a million must not look like none.
func shareText(share float64) string {
	if share >= 1 {
		return "100%"
	}
	tenths := math.Floor(share*1000 + 1e-9) // 0.7 is 0.6999... in binary
	return strconv.FormatFloat(min(max(tenths, 0), 999)/10, 'f', 1, 64) + "%"
}
