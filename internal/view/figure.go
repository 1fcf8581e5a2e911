package view

import (
	"math"
	"strconv"
)

// Figures for people: SI units, three digits that count.

// RateText writes bytes a second.
func RateText(perSecond float64) string { return string(appendRate(nil, perSecond)) }

// SecondsText writes a time that is given in seconds: "812 µs", "1.2 ms", "12.3 s".
func SecondsText(s float64) string { return string(appendSeconds(nil, s)) }

func appendRate(b []byte, perSecond float64) []byte {
	return append(appendBytes(b, perSecond), "/s"...)
}

func appendBytes(b []byte, n float64) []byte {
	if math.Round(n) < 1000 {
		return append(strconv.AppendFloat(b, math.Round(n), 'f', 0, 64), " B"...)
	}
	return appendScaled(b, n/1000, "kB", "MB", "GB", "TB", "PB", "EB")
}

func appendSeconds(b []byte, s float64) []byte {
	us := s * 1e6
	switch {
	case math.Round(us) < 1000:
		return append(strconv.AppendFloat(b, math.Round(us), 'f', 0, 64), " µs"...)
	case us < 999.5e3:
		return appendScaled(b, us/1e3, "ms")
	}
	return appendScaled(b, s, "s")
}

// countText writes how many, or how many a second: "0.3", "12", "1.2 k".
func countText(n float64) string { return string(appendCount(nil, n)) }

func appendCount(b []byte, n float64) []byte {
	switch {
	case n < 9.95 && n != math.Trunc(n):
		return strconv.AppendFloat(b, n, 'g', 2, 64)
	case n < 99_999.5:
		return strconv.AppendFloat(b, n, 'f', 0, 64)
	}
	return appendScaled(b, n/1000, "k", "M", "G", "T")
}

func appendScaled(b []byte, v float64, units ...string) []byte {
	i := 0
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	digits := 1
	if v >= 99.95 { // would be printed as 100.0
		digits = 0
	}
	return append(append(strconv.AppendFloat(b, v, 'f', digits, 64), ' '), units[i]...)
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

func plural(n uint64, one, more string) string { return string(appendPlural(nil, n, one, more)) }

func appendPlural(b []byte, n uint64, one, more string) []byte {
	if n == 1 {
		return append(append(b, "1 "...), one...)
	}
	return append(append(appendCount(b, float64(n)), ' '), more...)
}
