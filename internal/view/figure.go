package view

import (
	"math"
	"strconv"
)

// Figures for people: SI units, three digits that count.

// RateText writes bytes a second.
func RateText(perSecond float64) string { return BytesText(perSecond) + "/s" }

// BytesText writes a number of bytes: "999 B", "1.2 MB".
func BytesText(n float64) string {
	if math.Round(n) < 1000 {
		return strconv.FormatFloat(math.Round(n), 'f', 0, 64) + " B"
	}
	return scaled(n/1000, "kB", "MB", "GB", "TB", "PB", "EB")
}

// SecondsText writes a time that is given in seconds: "812 µs", "1.2 ms", "12.3 s".
func SecondsText(s float64) string {
	us := s * 1e6
	switch {
	case math.Round(us) < 1000:
		return strconv.FormatFloat(math.Round(us), 'f', 0, 64) + " µs"
	case us < 999.5e3:
		return scaled(us/1e3, "ms")
	}
	return scaled(s, "s")
}

// countText writes how many a second: "0.3", "12", "1.2 k".
func countText(n float64) string {
	switch {
	case n < 9.95 && n != math.Trunc(n):
		return strconv.FormatFloat(n, 'g', 2, 64)
	case n < 99_999.5:
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return scaled(n/1000, "k", "M", "G", "T")
}

func scaled(v float64, units ...string) string {
	i := 0
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	digits := 1
	if v >= 99.95 { // would be printed as 100.0
		digits = 0
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + " " + units[i]
}

// shareText writes a share of 1 in percent; what is not nothing is not 0 %.
func shareText(share float64) string {
	percent := share * 100
	switch {
	case percent > 0 && percent < 0.1:
		return "less than 0.1 %"
	case percent < 9.95:
		return strconv.FormatFloat(percent, 'f', 1, 64) + " %"
	case percent < 100:
		return strconv.FormatFloat(math.Floor(percent), 'f', 0, 64) + " %"
	}
	return "100 %"
}

// many writes a number of things: "1 edge", "3 edges".
func many(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
