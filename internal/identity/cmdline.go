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
// A program may write over its arguments (setproctitle); then the content is
// one text without NULs, or with many at its end.
func commandLine(b []byte) string {
	incomplete := len(b) >= maxArguments
	b = bytes.TrimRight(b, "\x00")
	if incomplete {
		b = wholeWords(b)
	}
	if len(b) == 0 {
		return ""
	}
	args := Redact(strings.Split(string(b), "\x00"))
	return cut(printable(strings.Join(args, " ")), maxCommandLine)
}

// wholeWords drops the last word of arguments that were cut off while reading:
// half a secret may not look like one.
func wholeWords(b []byte) []byte {
	return bytes.TrimRight(b[:bytes.LastIndexAny(b, "\x00 \t\n")+1], "\x00 \t\n")
}
