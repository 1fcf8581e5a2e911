package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"peerscope/internal/filter"
)

// problem is an answer that says what is wrong (RFC 9457).
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	Parameter string `json:"parameter,omitempty"`
	Position  *int   `json:"position,omitempty"` // of a filter, in bytes
	Column    int    `json:"column,omitempty"`   // of a filter, in characters from 1
	Nearest   string `json:"nearest,omitempty"`

	retry int // seconds; 0: it does not help
}

func (p *problem) Error() string { return p.Detail }

// The codes of problems.
const (
	codeBadParameter    = "bad_parameter"
	codeUnknown         = "unknown_parameter"
	codeBadFilter       = "bad_filter"
	codeNotFound        = "not_found"
	codeNotReady        = "not_ready"
	codeNotHealthy      = "not_healthy"
	codeNoHistory       = "no_history"
	codeUnauthorized    = "unauthorized"
	codeForbiddenHost   = "forbidden_host"
	codeForbiddenOrigin = "forbidden_origin"
	codeMethod          = "method_not_allowed"
	codeTooLong         = "too_long"
	codeTooMany         = "too_many"
	codeBusy            = "busy"
	codeInternal        = "internal"
)

func newProblem(status int, code, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

func badParameter(name, detail string) *problem {
	p := newProblem(http.StatusBadRequest, codeBadParameter, name+": "+detail)
	p.Parameter = name
	return p
}

func notFound(detail string) *problem {
	return newProblem(http.StatusNotFound, codeNotFound, detail)
}

func busy(code, detail string, retry int) *problem {
	p := newProblem(http.StatusServiceUnavailable, code, detail)
	p.retry = retry
	return p
}

// badFilter says where a filter is wrong.
func badFilter(name string, err error) *problem {
	p := newProblem(http.StatusBadRequest, codeBadFilter, err.Error())
	p.Parameter = name
	var wrong *filter.Error
	if errors.As(err, &wrong) {
		p.Position, p.Column = &wrong.Offset, wrong.Column
		if near, ok := strings.CutPrefix(wrong.Hint, `did you mean "`); ok {
			p.Nearest = strings.TrimSuffix(near, `"?`)
		}
	}
	return p
}

// write answers with the problem.
func (p *problem) write(w http.ResponseWriter) {
	h := w.Header()
	for _, name := range []string{"Content-Encoding", "Content-Length", "ETag", "Content-Disposition"} {
		h.Del(name)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retry))
	}
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p) // who asked is gone, if it fails
}
