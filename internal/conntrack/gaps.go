package conntrack

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// What is said wherever the translations are not known.
const (
	meaning  = "ends behind address translation are not joined by it"
	fixRight = "run as root, or with CAP_NET_ADMIN"
)

// Gaps are what could not be told, as of the last call.
func (s *Source) Gaps() []flow.Gap {
	var out []flow.Gap
	if g, ok := s.unknown(); ok {
		g.Code = "no_conntrack"
		if s.servers != nil && s.servers.crowded {
			g.Reason += fmt.Sprintf("; of more than %d sockets the rest was not asked what was dialled", maxServers)
		}
		out = append(out, g)
	}
	if len(s.full) > 0 {
		out = append(out, flow.Gap{Code: "conntrack_full",
			Reason: fmt.Sprintf("the table of tracked connections was full in %s: the kernel drops new connections there", count(len(s.full))),
			Fix:    "sudo sysctl net.netfilter.nf_conntrack_max=NUMBER, a larger one"})
	}
	return out
}

// unknown is the reason why translations are not known, the gravest first.
func (s *Source) unknown() (flow.Gap, bool) {
	switch {
	case s.failure != nil:
		g := explain(s.failure)
		return flow.Gap{Reason: g.Reason + ": " + meaning, Fix: g.Fix}, true
	case len(s.denied) > 0:
		return flow.Gap{Reason: fmt.Sprintf("the translations of %s may not be read: %s", count(len(s.denied)), meaning), Fix: fixRight}, true
	case len(s.absent) > 0 && s.appeared():
		return flow.Gap{Reason: fmt.Sprintf("connection tracking was loaded while %s was observed already: %s", count(len(s.absent)), meaning), Fix: "observe again"}, true
	}
	mute := len(s.sorted(func(sp *space) bool { return sp.mute }))
	if mute > 0 {
		return flow.Gap{Reason: fmt.Sprintf("%s does not tell of new entries (net.netfilter.nf_conntrack_events is 0): translations that came and went between the first look and the last are not known", count(mute)),
			Fix: "sudo sysctl net.netfilter.nf_conntrack_events=1 in that namespace"}, true
	}
	return flow.Gap{}, false
}

// appeared: the kernel tracks by now.
func (s *Source) appeared() bool {
	_, err := os.Stat(s.procRoot + "/sys/net/netfilter/nf_conntrack_count")
	return err == nil
}

// explain says why the translations cannot be read.
func explain(err error) flow.Gap {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return flow.Gap{Reason: "the translations may not be read", Fix: fixRight}
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOENT):
		return flow.Gap{Reason: "the kernel tracks connections and does not list them", Fix: "sudo modprobe nf_conntrack_netlink, or a kernel with CONFIG_NF_CT_NETLINK"}
	}
	return flow.Gap{Reason: err.Error()}
}

func count(n int) string {
	if n == 1 {
		return "1 network namespace"
	}
	return fmt.Sprintf("%d network namespaces", n)
}

// Finding is what this package needs, tried on this host.
type Finding struct {
	Name   string
	OK     bool
	Detail string
	Fix    string
}

// Examine tries to read the translations of this program's own namespace. It
// changes nothing.
func Examine(procRoot string) Finding {
	f := Finding{Name: "address translation", OK: true}
	sp, err := openSpace(0, 0, procRoot)
	switch {
	case errors.Is(err, errNoConntrack):
		f.Detail = "the kernel tracks no connections, so it rewrites none"
		return f
	case err == nil:
		defer sp.close()
		n := 0
		if err = dump(sp.dumps.Dump, func(*entry) { n++ }); err == nil {
			f.Detail = fmt.Sprintf("the kernel lists what it rewrites: %d now, of %d connections tracked in this namespace", n, max(sp.entries(), 0))
			if sp.mute {
				f.OK, f.Detail = false, "the kernel does not tell of new entries (net.netfilter.nf_conntrack_events is 0): only those are known that are there at the beginning or the end"
				f.Fix = "sudo sysctl net.netfilter.nf_conntrack_events=1"
			}
			return f
		}
	}
	g := explain(err)
	f.OK, f.Detail, f.Fix = false, g.Reason+": "+meaning, g.Fix
	return f
}
