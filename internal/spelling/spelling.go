// Package spelling finds the word that was meant by one that is not known.
package spelling

import "strings"

// The costs of an edit: letters that changed places are the likeliest slip.
const (
	swapped = 1
	changed = 2
)

// longest is the length of what is compared: no word that is looked for is
// longer, and what was typed may be of any length.
const longest = 64

// Nearest is the one of words that is most like what was typed, the first of
// equals; "" if none is close: two letters off, of a short word one. A word that
// begins with what was typed is as near as one letter. Words are ASCII, and
// compared without regard to case.
func Nearest(typed string, words []string) string {
	typed = strings.ToLower(strings.TrimSpace(typed))
	if typed == "" || len(typed) > longest {
		return ""
	}
	limit := 2 * changed
	if len(typed) <= 4 {
		limit = changed
	}
	best := ""
	for _, w := range words {
		word := strings.ToLower(w)
		d := distance(typed, word)
		if strings.HasPrefix(word, typed) {
			d = min(d, changed)
		}
		if d < limit || d == limit && best == "" {
			best, limit = w, d
		}
	}
	return best
}

// distance is what it costs to make b of a: letters put in, taken out, replaced,
// or swapped with their neighbour (optimal string alignment).
func distance(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j * changed
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i * changed
		for j := 1; j <= len(b); j++ {
			differ := changed
			if a[i-1] == b[j-1] {
				differ = 0
			}
			row[j] = min(last[j]+changed, row[j-1]+changed, last[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+swapped)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
