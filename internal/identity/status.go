package identity

import "bytes"

// status is what is used of /proc/PID/status (proc_pid_status(5)).
type status struct {
	tgid      int32
	uid       uint32 // effective
	hasUID    bool
	vpid      int32 // in the innermost pid namespace (NSpid, since 4.1); 0: not said
	effective Capabilities
	noNewPriv bool
	seccomp   int
}

// parseStatus reads the lines it knows and leaves the others alone: each
// kernel adds some.
func parseStatus(b []byte) status {
	var s status
	for line := range bytes.Lines(b) {
		key, value, ok := bytes.Cut(line, []byte{':'})
		if !ok {
			continue
		}
		switch string(key) {
		case "Tgid":
			n, _ := parseUint(fieldOf(value, 0))
			s.tgid = int32(n)
		case "Uid": // real, effective, saved, of the file system
			n, ok := parseUint(fieldOf(value, 1))
			s.uid, s.hasUID = uint32(n), ok
		case "NSpid": // outermost first; the first one is the pid in /proc itself
			n, _ := parseUint(lastField(value))
			s.vpid = int32(n)
		case "CapEff":
			s.effective = parseCapabilities(fieldOf(value, 0))
		case "NoNewPrivs":
			s.noNewPriv = string(fieldOf(value, 0)) == "1"
		case "Seccomp":
			n, _ := parseUint(fieldOf(value, 0))
			s.seccomp = int(n)
		}
	}
	return s
}

// untilPID is a status without what follows the line NSpid: all that is asked
// of another process stands before it, and three quarters of the text behind.
func untilPID(b []byte) []byte {
	const line = "\nNSpid:"
	i := bytes.Index(b, []byte(line))
	if i < 0 { // before Linux 4.1
		return b
	}
	end := bytes.IndexByte(b[i+len(line):], '\n')
	if end < 0 {
		return b
	}
	return b[:i+len(line)+end]
}

// fieldOf is word number i of a line, counted from 0, or nil.
func fieldOf(line []byte, i int) []byte {
	for ; i > 0; i-- {
		_, line = nextWord(line)
	}
	word, _ := nextWord(line)
	return word
}

// lastField is the last word of a line, or nil.
func lastField(line []byte) []byte {
	line = bytes.TrimRight(line, " \t\r\n")
	return line[bytes.LastIndexAny(line, " \t")+1:]
}
