package identity

import (
	"bytes"
	"errors"
)

// stat is what is used of /proc/PID/stat (proc_pid_stat(5), do_task_stat in
// fs/proc/array.c).
type stat struct {
	comm   []byte // part of the parsed buffer; may hold any byte but NUL
	parent int32  // 0: none, or outside of the pid namespace of /proc
	flags  uint32 // PF_ flags
	start  uint64 // clock ticks since boot
}

// kernelThread is PF_KTHREAD (include/linux/sched.h).
const kernelThread = 0x00200000

var errStat = errors.New("not a stat line")

// parseStat reads the fields that are needed. The name may hold blanks and
// parentheses, so it ends at the last parenthesis of the line.
func parseStat(b []byte) (stat, error) {
	first, last := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if first < 0 || last < first {
		return stat{}, errStat
	}
	s := stat{comm: b[first+1 : last]}
	rest := b[last+1:]
	// The field after the name is number 3, the state.
	for field := 3; field <= 22; field++ {
		var word []byte
		word, rest = nextWord(rest)
		switch field {
		case 4, 9, 22:
			n, ok := parseUint(word)
			if !ok {
				return stat{}, errStat
			}
			switch field {
			case 4:
				s.parent = int32(n)
			case 9:
				s.flags = uint32(n)
			case 22:
				s.start = n
			}
		}
	}
	return s, nil
}

// nextWord cuts the first word off a line of words. Both results share the
// line's memory; the word is empty at its end.
func nextWord(b []byte) (word, rest []byte) {
	i := 0
	for i < len(b) && isBlank(b[i]) {
		i++
	}
	start := i
	for i < len(b) && !isBlank(b[i]) {
		i++
	}
	return b[start:i], b[i:]
}

// isBlank: the kernel separates with blanks in stat and with tabs in status.
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// parseUint reads a decimal number without allocating.
func parseUint(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' || n > (1<<64-1)/10 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
		if n < uint64(c-'0') {
			return 0, false
		}
	}
	return n, true
}
