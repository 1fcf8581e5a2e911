package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"peerscope/internal/spelling"
)

// Error is what is wrong with an expression, and where.
type Error struct {
	Offset int    // in bytes from the begin of the expression
	Column int    // the same in characters, counted from 1
	What   string // what is wrong there
	Hint   string // how to mend it; may be empty
}

func (e *Error) Error() string {
	s := fmt.Sprintf("filter: %s at column %d", e.What, e.Column)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// fail makes the error that is at an offset of the expression.
func (p *parser) fail(offset int, what, hint string) error {
	return &Error{Offset: offset, Column: utf8.RuneCountInString(p.in[:offset]) + 1, What: what, Hint: hint}
}

// didYouMean is the hint for a word that is not one of a list.
func didYouMean(written string, names []string) string {
	if near := spelling.Nearest(written, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "it is one of " + strings.Join(names, ", ")
}
