package netlink

import (
	"fmt"
	"os"
	"path/filepath"

	"peerscope/internal/flow"
)

// gaps are what could not be seen here: by the nature of looking, and for want
// of rights.
func (s *Source) gaps() []flow.Gap {
	out := []flow.Gap{
		{Code: "no_sequence", Reason: "without eBPF the two ends are matched by their addresses and by what conntrack rewrites of them: where addresses repeat, and behind a translator that is not observed, the other end is not named"},
		{Code: "short_lived", Reason: "the process of a socket that lived only between two looks is not named; its connection and bytes are counted"},
		{Code: "udp_by_socket", Reason: "UDP is seen where a socket is connected; datagrams and their bytes are not counted"},
		{Code: "unix_by_look", Reason: "unix connections are seen at looks; their bytes are not counted"},
	}
	if n := s.procs.stats.Denied; n > 0 {
		out = append(out, flow.Gap{Code: "processes_hidden",
			Reason: fmt.Sprintf("the open files of %s could not be read, so sockets that only they hold have no process", countProcesses(n)),
			Fix:    unlessRoot("run as root, or: sudo setcap cap_sys_ptrace,cap_dac_read_search,cap_sys_admin,cap_net_admin+ep peerscope")})
	}
	out = append(out, s.spaces.survey.Gaps()...)
	if s.cfg.Translations != nil {
		out = append(out, s.cfg.Translations.Gaps()...)
	}
	if !s.procs.host {
		out = append(out, flow.Gap{Code: "pid_namespace",
			Reason: "this runs in a pid namespace that is not the host's: sockets of processes outside of it have no process",
			Fix:    "docker run --pid=host, or hostPID: true in Kubernetes"})
	}
	for _, sp := range s.spaces.open {
		if sp.deaths == nil {
			out = append(out, flow.Gap{Code: "no_deaths", Reason: "the kernel does not tell when sockets die, so connections between two looks are missed"})
			break
		}
	}
	return out
}

func countProcesses(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}

// unlessRoot is advice that root need not be given: what root cannot read, some
// other mechanism keeps.
func unlessRoot(fix string) string {
	if os.Geteuid() == 0 {
		return ""
	}
	return fix
}

// showsHost reports whether /proc is that of the host's pid namespace: only
// there the kernel's own threads are seen, the first of which is always 2.
func showsHost(procRoot string) bool {
	comm, err := os.ReadFile(filepath.Join(procRoot, "2", "comm"))
	return err == nil && string(comm) == "kthreadd\n"
}
