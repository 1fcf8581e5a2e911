package netlink

import (
	"errors"

	"peerscope/internal/flow"
)

// errDumpInterrupted: the table changed while the kernel walked it
// (NLM_F_DUMP_INTR), so entries may be missing or doubled. Ask again.
var errDumpInterrupted = errors.New("dump interrupted by a change")

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
