package netlink

import "peerscope/internal/flow"

// gapError is something that cannot be observed here: why, and what would make
// it possible, in the words a doctor can print.
type gapError struct {
	flow.Gap
	err error
}

func (e *gapError) Error() string {
	s := e.Reason
	if e.err != nil {
		s += ": " + e.err.Error()
	}
	if e.Fix != "" {
		s += " (" + e.Fix + ")"
	}
	return s
}

func (e *gapError) Unwrap() error { return e.err }
