package identity

import (
	"bytes"
	"strings"
)

const (
	// maxCommandLine bounds what is kept of a command line, in bytes.
	maxCommandLine = 4 << 10
	// maxArguments bounds what is read of it. It is more than is kept, because
	// secrets are removed first and what stands behind them moves up.
	maxArguments = 16 << 10
)

// commandLine makes one line of the NUL-separated content of
// /proc/PID/cmdline: secrets redacted, one blank between arguments, nothing
// unprintable, at most maxCommandLine bytes.
//
// incomplete: there may be more than b. What is missing, with the word that was
// cut off, is shown as one secret: it may be one.
//
// A program may write over its arguments (setproctitle); then the content is
// one text without NULs, or with many at its end.
func commandLine(b []byte, incomplete bool) string {
	if bytes.HasSuffix(b, []byte{0, 0}) { // the rest is the same
		incomplete = false
	}
	if incomplete {
		b = wholeWords(b)
	}
	b = bytes.TrimRight(b, "\x00")
	var line string
	if len(b) > 0 {
		line = strings.Join(Redact(strings.Split(string(b), "\x00")), " ")
	}
	if incomplete {
		line = strings.TrimLeft(line+" "+redacted, " ")
	}
	return cut(printable(line), maxCommandLine)
}

// wholeWords drops the last word of arguments that were cut off while reading,
// unless they end behind one: half a secret may not look like one.
func wholeWords(b []byte) []byte {
	return bytes.TrimRight(b[:bytes.LastIndexAny(b, "\x00 \t\n")+1], "\x00 \t\n")
}
