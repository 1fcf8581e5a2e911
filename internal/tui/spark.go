package tui

import (
	"strings"
)

// minute draws what a row did in the last minute, the present at its right end:
// one bar for several ticks, as high as the mean of their rates against the
// highest of the row. A tick in which connects failed is a cross.
func (md *model) minute(l *line, r *row, width int, faint bool) {
	g := md.style.glyphs()
	values, failed := md.past(&r.trail, width, func(s *sample) (float64, bool) { return s.rate() })
	top := highest(values)
	t := plain
	if faint {
		t = muted
	}
	for i, v := range values {
		switch {
		case failed[i]:
			l.add(bad, g.cross)
		case v < 0:
			l.blank(1)
		default:
			l.add(t, bar(g.bars, v, top))
		}
	}
}

// past is the last minute in that many steps; a value below 0 is not known. Steps
// are of whole ticks that do not depend on now, so that a step keeps its height
// while it moves to the left.
func (md *model) past(t *trail, steps int, of func(*sample) (float64, bool)) (values []float64, failed []bool) {
	steps = max(min(steps, kept), 1)
	values, failed = make([]float64, steps), make([]bool, steps)
	size := (kept + steps - 1) / steps
	for i := range steps {
		step := md.now/size - steps + 1 + i
		sum, n := 0.0, 0
		for tick := max(step*size, md.now-kept+1); tick < min((step+1)*size, md.now+1); tick++ {
			s, ok := t.at(tick)
			if !ok {
				continue
			}
			failed[i] = failed[i] || s.failed > 0
			if v, ok := of(&s); ok {
				sum, n = sum+v, n+1
			}
		}
		values[i] = -1
		if n > 0 {
			values[i] = sum / float64(n)
		}
	}
	return values, failed
}

func highest(values []float64) float64 {
	top := 0.0
	for _, v := range values {
		top = max(top, v)
	}
	return top
}

// bar is the sign for a value against the highest. What is not nothing is never
// drawn as nothing.
func bar(bars []string, v, top float64) string {
	if v <= 0 || top <= 0 {
		return bars[0]
	}
	return bars[max(1, min(int(v/top*float64(len(bars)-1)+0.5), len(bars)-1))]
}

// curve draws values as dots of braille, two to a cell and four high; in ASCII as
// bars. What is not known is left blank.
func (md *model) curve(values []float64) string {
	top := highest(values)
	var b strings.Builder
	if md.style.ascii {
		for i := 0; i < len(values); i += 2 {
			v := max(values[i], values[min(i+1, len(values)-1)])
			if v < 0 {
				b.WriteByte(' ')
			} else {
				b.WriteString(bar(md.style.glyphs().bars, v, top))
			}
		}
		return b.String()
	}
	// The dots of a column of a braille cell from the bottom up, left and right
	// (Unicode, Braille Patterns: dots 7 3 2 1 and 8 6 5 4).
	dots := [2][4]rune{{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}}
	const blank = 0x2800
	for i := 0; i < len(values); i += 2 {
		cell := rune(blank)
		for side := range 2 {
			if i+side >= len(values) || values[i+side] < 0 {
				continue
			}
			high := 1 // idle is a line at the bottom
			if v := values[i+side]; v > 0 && top > 0 {
				high = max(1, min(int(v/top*4+0.5), 4))
			}
			for k := range high {
				cell |= dots[side][k]
			}
		}
		if cell == blank {
			cell = ' '
		}
		b.WriteRune(cell)
	}
	return b.String()
}
