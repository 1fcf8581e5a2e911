package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"peerscope/internal/filter"
	"peerscope/internal/spelling"
)

const (
	maxParameters = 32
	maxFilter     = 4 << 10 // bytes
	maxWindow     = 31 * 24 * time.Hour
	maxLimit      = 20_000 // nodes
)

// parameters are those of one request. What is wrong is kept until somebody asks
// for it: the first mistake is the one that is told.
type parameters struct {
	values url.Values
	now    time.Time
	wrong  *problem
}

// read takes the query apart and refuses what the endpoint does not know.
func read(r *http.Request, known []string, now time.Time) *parameters {
	p := &parameters{now: now}
	var err error
	if p.values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		p.fail(newProblem(http.StatusBadRequest, codeBadParameter, fmt.Sprintf("the query cannot be read: %.80v; encode what is special in it, as %%26 for &", err)))
		return p
	}
	names := 0
	for name, values := range p.values {
		names += len(values)
		switch {
		case !slices.Contains(known, name):
			p.unknown(name, known)
		case len(values) > 1:
			p.fail(badParameter(name, "it is given twice"))
		}
	}
	if names > maxParameters {
		p.fail(newProblem(http.StatusBadRequest, codeTooMany, fmt.Sprintf("%d parameters, at most %d are read", names, maxParameters)))
	}
	return p
}

func (p *parameters) unknown(name string, known []string) {
	wrong := newProblem(http.StatusBadRequest, codeUnknown, fmt.Sprintf("unknown parameter %.40q", name))
	wrong.Parameter = fmt.Sprintf("%.40s", strings.ToValidUTF8(name, "?"))
	if near := spelling.Nearest(name, known); near != "" {
		wrong.Detail += fmt.Sprintf(", did you mean %q?", near)
		wrong.Nearest = near
	} else if len(known) > 0 {
		wrong.Detail += ": it is one of " + strings.Join(known, ", ")
	} else {
		wrong.Detail += ": there are none here"
	}
	// The names come in no order; the same request is answered alike.
	if p.wrong == nil || p.wrong.Code != codeUnknown || wrong.Parameter < p.wrong.Parameter {
		p.wrong = wrong
	}
}

func (p *parameters) fail(wrong *problem) {
	if p.wrong == nil {
		p.wrong = wrong
	}
}

// text is a value as it is; absent, the default.
func (p *parameters) text(name, otherwise string, most int) string {
	v := p.values.Get(name)
	if v == "" {
		return otherwise
	}
	if len(v) > most {
		p.fail(badParameter(name, fmt.Sprintf("%d bytes, at most %d are read", len(v), most)))
		return otherwise
	}
	return v
}

// need is a value that must be there.
func (p *parameters) need(name, what string, most int) string {
	if p.values.Get(name) == "" {
		p.fail(badParameter(name, "it is missing: give "+what))
	}
	return p.text(name, "", most)
}

// word is one of a few.
func (p *parameters) word(name, otherwise string, words []string) string {
	v := p.values.Get(name)
	if v == "" || slices.Contains(words, v) {
		if v == "" {
			return otherwise
		}
		return v
	}
	wrong := badParameter(name, fmt.Sprintf("unknown word %.40q: it is one of %s", v, strings.Join(words, ", ")))
	wrong.Nearest = spelling.Nearest(v, words)
	p.fail(wrong)
	return otherwise
}

func (p *parameters) number(name string, otherwise, least, most int) int {
	v := p.values.Get(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		p.fail(badParameter(name, fmt.Sprintf("%.40q: it is a whole number from %d to %d", v, least, most)))
		return otherwise
	}
	return n
}

func (p *parameters) yes(name string) bool {
	switch v := p.values.Get(name); v {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	default:
		p.fail(badParameter(name, fmt.Sprintf("%.40q: it is true or false", v)))
		return false
	}
}

// filter reads an expression; nil: everything is wanted.
func (p *parameters) filter(name string) *filter.Expr {
	v := p.text(name, "", maxFilter)
	if v == "" {
		return nil
	}
	e, err := filter.Parse(v)
	switch {
	case err != nil:
		p.fail(badFilter(name, err))
	case e.Empty():
		return nil
	}
	return e
}

// moment reads a time; the zero time: it is not given.
func (p *parameters) moment(name string) time.Time {
	v := p.values.Get(name)
	if v == "" {
		return time.Time{}
	}
	t, err := parseMoment(v, p.now)
	if err != nil {
		p.fail(badParameter(name, err.Error()))
	}
	return t
}

// length reads a duration that is not longer than most.
func (p *parameters) length(name string, otherwise, most time.Duration) time.Duration {
	v := p.values.Get(name)
	if v == "" {
		return otherwise
	}
	d, err := parseLength(v)
	switch {
	case err != nil:
		p.fail(badParameter(name, err.Error()))
	case d <= 0 || d > most:
		p.fail(badParameter(name, fmt.Sprintf("%.40s: it is more than 0 and at most %s", v, most)))
	default:
		return d
	}
	return otherwise
}
