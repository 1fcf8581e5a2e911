package identity

import "strings"

// mounts is what is used of /proc/self/mountinfo (proc_pid_mountinfo(5)).
type mounts struct {
	hidePID            string
	cgroupV1, cgroupV2 bool
}

// parseMounts reads lines of
//
//	36 35 98:0 /root /point mount-options optional... - type source super-options
//
// where a mount above another on the same point comes later.
func parseMounts(text string) mounts {
	var m mounts
	for line := range strings.Lines(text) {
		left, right, ok := strings.Cut(line, " - ")
		before, after := strings.Fields(left), strings.Fields(right)
		if !ok || len(before) < 5 || len(after) < 1 {
			continue
		}
		switch after[0] {
		case "cgroup":
			m.cgroupV1 = true
		case "cgroup2":
			m.cgroupV2 = true
		case "proc":
			if before[4] == "/proc" && len(after) >= 3 {
				m.hidePID = hidePID(after[2])
			}
		}
	}
	return m
}

// hidePID takes the option out of the super options of a proc mount. The
// kernel leaves it out when it is off, and wrote a number before 5.8.
func hidePID(options string) string {
	for o := range strings.SplitSeq(options, ",") {
		value, ok := strings.CutPrefix(o, "hidepid=")
		if !ok {
			continue
		}
		switch value {
		case "0":
			return "off"
		case "1":
			return "noaccess"
		case "2":
			return "invisible"
		case "4":
			return "ptraceable"
		}
		return printable(value)
	}
	return "off"
}

// cgroupVersion is hybrid if both versions are mounted, and empty if none is.
func (m mounts) cgroupVersion() string {
	switch {
	case m.cgroupV1 && m.cgroupV2:
		return "hybrid"
	case m.cgroupV2:
		return "v2"
	case m.cgroupV1:
		return "v1"
	}
	return ""
}
