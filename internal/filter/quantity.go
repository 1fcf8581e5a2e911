package filter

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// measure is what a number counts.
type measure uint8

const (
	plain     measure = iota // bytes, connections, microseconds, a port
	perSecond                // of these
	percent                  // of what there was
)

// quantity is a number with what it counts. Times are microseconds, shares are
// 0 to 1.
type quantity struct {
	n  float64
	of measure
}

// parseRange reads 10, 10..20, 10.. or ..20. A unit at the second number alone
// holds for both.
func parseRange(s string, k *key) (low, high quantity, err error) {
	a, b, isRange := strings.Cut(s, "..")
	if !isRange {
		if k.id == ofNothing && k.kind == integer && len(s) == 3 && strings.EqualFold(s[1:], "xx") && s[0] >= '1' && s[0] <= '9' {
			n := float64(s[0]-'0') * 100 // 5xx
			return quantity{n: n}, quantity{n: n + 99}, nil
		}
		low, err = parseQuantity(s, k)
		return low, low, err
	}
	if a == "" && b == "" {
		return low, high, fmt.Errorf("%q has no begin and no end", s)
	}
	low, high = quantity{n: math.Inf(-1)}, quantity{n: math.Inf(1)}
	if b != "" {
		if high, err = parseQuantity(b, k); err != nil {
			return low, high, err
		}
		low.of = high.of
	}
	if a != "" {
		if _, bare := strconv.ParseFloat(a, 64); bare == nil && b != "" {
			a += strings.TrimLeft(b, "0123456789.")
		}
		if low, err = parseQuantity(a, k); err != nil {
			return low, high, err
		}
	}
	if b == "" {
		high.of = low.of
	}
	if low.of != high.of || low.n > high.n {
		return low, high, fmt.Errorf("%q is not a range", s)
	}
	return low, high, nil
}

// parseQuantity reads a number and the unit that its key may have.
func parseQuantity(s string, k *key) (quantity, error) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789."))
	n, err := strconv.ParseFloat(s[:digits], 64)
	if err != nil || digits == 0 {
		return quantity{}, fmt.Errorf("%q is not a number", s)
	}
	unit := s[digits:]
	of := plain
	switch rest, each := strings.CutSuffix(unit, "/s"); {
	case each && (k.kind == size || k.kind == count || k.kind == rate):
		unit, of = rest, perSecond
	case unit == "%" && (k.kind == share || k.id == ofFail):
		return quantity{n / 100, percent}, nil
	case k.kind == rate:
		of = perSecond
	}
	factor, err := unitOf(unit, k)
	if err != nil || k.kind == duration && unit == "" && n != 0 || k.kind == share {
		return quantity{}, fmt.Errorf("%q has no unit that %q takes", s, k.name)
	}
	if k.kind == integer && n != math.Trunc(n) {
		return quantity{}, fmt.Errorf("%q is not a whole number", s)
	}
	return quantity{n * factor, of}, nil
}

var errUnit = errors.New("no such unit")

// unitOf is what a unit is worth.
func unitOf(unit string, k *key) (float64, error) {
	if unit == "" {
		return 1, nil
	}
	switch k.kind {
	case duration:
		switch unit {
		case "us", "µs", "μs": // the micro sign, and the Greek letter
			return 1, nil
		case "ms":
			return 1e3, nil
		case "s":
			return 1e6, nil
		case "m", "min":
			return 60e6, nil
		case "h":
			return 3600e6, nil
		case "d":
			return 24 * 3600e6, nil
		}
		return 0, errUnit
	case size, count, rate:
		unit = strings.ToLower(unit)
		if k.kind == size {
			unit = strings.TrimSuffix(unit, "b")
		}
		base := 1000.0
		if short, ok := strings.CutSuffix(unit, "i"); ok && k.kind == size {
			unit, base = short, 1024
		}
		if i := strings.Index(" kmgt", unit); unit == "" && base == 1000 {
			return 1, nil
		} else if i > 0 && len(unit) == 1 {
			return math.Pow(base, float64(i)), nil
		}
	}
	return 0, errUnit
}

// hintFor says how numbers of a key are written.
func hintFor(k *key) string {
	switch k.kind {
	case size:
		return "write 1000, 5MB, 1MiB or 5MB/s"
	case count:
		if k.id == ofFail {
			return "write 10, 1k, 10/s or 1%"
		}
		return "write 10, 1k or 10/s"
	case rate:
		return "write 10, 1k or 10/s"
	case duration:
		return "write 300us, 10ms, 2s, 5m, 1h or 1d"
	case share:
		return "write 1%"
	}
	return "write 80 or 10..20"
}

// holds compares a fact with the term's value. least: the fact may be more.
func (v *value) holds(cmp string, fact float64, of measure, least bool) bool {
	if v.low.of != of || least && cmp != ">" && cmp != ">=" {
		return false
	}
	switch cmp {
	case ">":
		return fact > v.low.n
	case ">=":
		return fact >= v.low.n
	case "<":
		return fact < v.low.n
	case "<=":
		return fact <= v.low.n
	}
	return fact >= v.low.n && fact <= v.high.n
}
