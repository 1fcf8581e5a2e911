package identity

import (
	"bytes"
	"strings"

	"peerscope/internal/redact"
)

const (
	// maxCommandLine bounds what is kept of a command line, in bytes.
	maxCommandLine = 4 << 10
	// maxArguments bounds what is read of it. It is more than is kept, because
	// secrets are removed first and what stands behind them moves up.
	maxArguments = 16 << 10
)

// arguments are those of a process, secrets redacted.
type arguments struct {
	words      []string
	incomplete bool // there may be more
}

// readArguments takes the NUL-separated content of /proc/PID/cmdline apart.
//
// incomplete: there may be more than b. The word that was cut off is left out:
// half a secret may not look like one.
//
// A program may write over its arguments (setproctitle); then the content is
// one text without NULs, or with many at its end.
func readArguments(b []byte, incomplete bool) arguments {
	if bytes.HasSuffix(b, []byte{0, 0}) { // the rest is the same
		incomplete = false
	}
	if incomplete {
		b = wholeWords(b)
	}
	b = bytes.TrimRight(b, "\x00")
	if len(b) == 0 {
		return arguments{incomplete: incomplete}
	}
	return arguments{redact.Arguments(strings.Split(string(b), "\x00")), incomplete}
}

// line makes one line of the arguments: one blank between them, nothing
// unprintable, at most maxCommandLine bytes. What is missing is shown as one
// secret: it may be one.
func (a arguments) line() string {
	line := strings.Join(a.words, " ")
	if a.incomplete {
		line = strings.TrimLeft(line+" "+redact.Mark, " ")
	}
	return cut(printable(line), maxCommandLine)
}

// wholeWords drops the last word of arguments that were cut off while reading,
// unless they end behind one: half a secret may not look like one.
func wholeWords(b []byte) []byte {
	return bytes.TrimRight(b[:bytes.LastIndexAny(b, "\x00 \t\n")+1], "\x00 \t\n")
}
