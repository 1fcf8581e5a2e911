package recording

import (
	"errors"
	"fmt"
)

// ErrEmpty: there is not one byte.
var ErrEmpty = errors.New("the recording is empty: its writer was stopped before the first flush, so record again")

// ErrNotRecording: the first line is not the header of a recording.
var ErrNotRecording = errors.New("this is not a peerscope recording: give a file that `peerscope record -w FILE` wrote")

// VersionError: the recording is of a version that this program cannot read.
type VersionError struct {
	Got, Want int // Want is the newest that can be read
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("the recording has version %d and this program reads up to version %d: use a newer peerscope", e.Got, e.Want)
}

// SyntaxError: a whole line is not what it should be.
type SyntaxError struct {
	Line int // counted from 1, the header
	Err  error
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d of the recording is damaged (%v): copy it again, or keep only the lines before", e.Line, e.Err)
}

func (e *SyntaxError) Unwrap() error { return e.Err }

// TruncatedError: the recording ends in the middle of a line. Every line
// before it has been read, so callers print this as a warning.
type TruncatedError struct {
	Line int // the one that is not whole, counted from 1, the header
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("the recording is cut off in line %d: its writer was stopped, or the copy is not complete; the lines before it were read", e.Line)
}
