package identity

import "strings"

// mounts is what is used of /proc/self/mountinfo (proc_pid_mountinfo(5)).
type mounts struct {
	hidePID            string
	cgroupV1, cgroupV2 bool
	// tracksV1: a hierarchy of version 1 says where processes belong, and not
	// only what one controller (net_cls) does to some of them.
	tracksV1 bool
	unified  cgroupMount
}

// cgroupMount is a mount of the hierarchy of version 2. Its root is below this
// program's cgroup namespace, or above: /../..
type cgroupMount struct{ point, root string }

// betterThan reports whether more of the hierarchy is to be seen below m.
func (m cgroupMount) betterThan(other cgroupMount) bool {
	return other.point == "" || m.rank() > other.rank()
}

// rank is the number of levels that the root is above the namespace's, and
// negative below.
func (m cgroupMount) rank() int {
	levels := strings.Count(m.root, "/")
	switch {
	case m.root == "/":
		return 0
	case strings.Trim(m.root, "/.") == "":
		return levels
	}
	return -levels
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
			if len(after) >= 3 && tracksProcesses(after[2]) {
				m.tracksV1 = true
			}
		case "cgroup2":
			m.cgroupV2 = true
			// A point with a blank or a backslash in it is written with escapes.
			c := cgroupMount{point: before[4], root: before[3]}
			if !strings.Contains(c.point, `\`) && c.betterThan(m.unified) {
				m.unified = c
			}
		case "proc":
			if before[4] == "/proc" && len(after) >= 3 {
				m.hidePID = hidePID(after[2])
			}
		}
	}
	return m
}

// tracksProcesses reports whether the super options of a cgroup mount name a
// controller that ParseCgroup prefers.
func tracksProcesses(options string) bool {
	for o := range strings.SplitSeq(options, ",") {
		if o != "" && cgroupRank(o) > 0 {
			return true
		}
	}
	return false
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
