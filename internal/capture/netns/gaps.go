package netns

import (
	"fmt"
	"os"

	"peerscope/internal/flow"
)

// Gaps are what cannot be observed, as of the last Scan, for want of rights.
func (s *Survey) Gaps() []flow.Gap {
	var out []flow.Gap
	if n := len(s.denied); n > 0 {
		out = append(out, flow.Gap{Code: "namespaces_hidden",
			Reason: fmt.Sprintf("%d other network namespaces could not be entered", n), Fix: "run as root, or with CAP_SYS_ADMIN"})
	}
	if n := s.processes.denied; n > 0 {
		gap := flow.Gap{Code: "namespaces_unknown",
			Reason: fmt.Sprintf("the network namespace of %s could not be read; one that has no other process is not observed", countProcesses(n))}
		if os.Geteuid() != 0 { // what root cannot read, some other mechanism keeps
			gap.Fix = "run as root, or with CAP_SYS_PTRACE"
		}
		out = append(out, gap)
	}
	return out
}

func countProcesses(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}
