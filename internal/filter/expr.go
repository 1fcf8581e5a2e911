package filter

import (
	"slices"
	"strings"
)

// Expr is an expression that was read. It is not changed afterwards, so any
// number of goroutines may use it.
type Expr struct {
	op   op
	kids []*Expr // of and, or (two or more; and with none: everything), not (one)
	term *term   // of a term
}

type op uint8

const (
	opTerm op = iota
	opAnd
	opOr
	opNot
)

// end says of which end a term speaks.
type end uint8

const (
	either end = iota
	from
	to
)

// term is one condition. Without a key it is a bare word.
type term struct {
	end    end
	key    *key
	cmp    string // : = != > >= < <=
	values []value

	paths     bool // a value has a slash: it is meant for a path too
	addresses bool // a value is an address
}

// join makes one expression of several; what is of the same kind is taken in,
// since (a b) c is a b c.
func join(o op, kids []*Expr) *Expr {
	if len(kids) == 1 {
		return kids[0]
	}
	out := &Expr{op: o}
	for _, k := range kids {
		if k.op == o {
			out.kids = append(out.kids, k.kids...)
		} else {
			out.kids = append(out.kids, k)
		}
	}
	return out
}

// String writes the expression so that Parse reads the same again.
func (e *Expr) String() string {
	switch e.op {
	case opTerm:
		return e.term.String()
	case opNot:
		if e.kids[0].op == opTerm {
			return "!" + e.kids[0].String()
		}
		return "!(" + e.kids[0].String() + ")"
	}
	between := " "
	if e.op == opOr {
		between = " or "
	}
	var parts []string
	for _, k := range e.kids {
		s := k.String()
		if e.op == opAnd && k.op == opOr || k.op == opAnd && len(k.kids) == 0 {
			s = "(" + s + ")"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, between)
}

func (t *term) String() string {
	var b strings.Builder
	switch t.end {
	case from:
		b.WriteString("from:")
	case to:
		b.WriteString("to:")
	}
	if t.key != nil {
		b.WriteString(t.key.name + t.cmp)
	}
	// A glob that begins with a slash would be taken for the begin of a regular
	// expression if a later value had the slash for its end.
	slash := slices.ContainsFunc(t.values, func(v value) bool { return v.form == glob && v.text[0] == '/' })
	for i, v := range t.values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(v.print(t.key, slash))
	}
	return b.String()
}

// Empty tells whether the expression is the one that matches everything.
func (e *Expr) Empty() bool { return e.op == opAnd && len(e.kids) == 0 }

// Absent are the keys of the expression whose values no map of this version
// has, sorted; a term of such a key never matches.
func (e *Expr) Absent() []string {
	var names []string
	e.terms(func(t *term) {
		switch {
		case t.key == nil:
		case t.key.id == ofNothing:
			names = append(names, t.key.name)
		case t.key.id == ofPort && t.end == from:
			names = append(names, "from:port")
		}
	})
	slices.Sort(names)
	return slices.Compact(names)
}

func (e *Expr) terms(f func(*term)) {
	if e.op == opTerm {
		f(e.term)
	}
	for _, k := range e.kids {
		k.terms(f)
	}
}
