package metrics

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"peerscope/internal/topology"
)

// longest is how many bytes of a value a label may have. Names come from
// processes, which may be hostile.
const longest = 120

// end is what one end of a series is known by. Empty is not known, or not asked
// for.
type end struct {
	host, namespace, workload, container, program, pid, address string
	external                                                    bool // it is no process that was observed; its program begins with "~"
}

// endOf makes the end that a node belongs to, as a client.
func (c *SeriesConfig) endOf(n *topology.Node, host string) end {
	a := &n.Attributes
	e := end{namespace: clip(a.Namespace), container: clip(a.Container()), workload: workload(a)}
	switch n.Kind {
	case topology.KindProcess:
		e.host, e.program = host, programName(n.Name)
		if c.PID {
			e.pid = strconv.Itoa(int(a.PID))
		}
	case topology.KindKernel:
		e.host, e.program = host, WordKernel
	case topology.KindAddress:
		e.host, e.program, e.external = clip(a.NodeName), addressProgram(n), true
		if c.Addresses == AddressesAll {
			e.address = a.PeerAddress
		}
	default:
		e.host, e.program = host, programName(n.Name)
	}
	return e
}

// addressProgram is the name of an end that is no process, if it has one that
// is not in another label, behind "~"; else a word for what it is.
func addressProgram(n *topology.Node) string {
	a := &n.Attributes
	addr, err := netip.ParseAddr(a.PeerAddress)
	switch {
	case err != nil:
		return WordUnknown
	case n.Name != a.PeerAddress && a.Namespace == "" && a.NodeName == "":
		return clip("~" + n.Name)
	case addr.IsMulticast():
		return WordMulticast
	case a.AddressLocal:
		return WordLocal
	}
	return WordExternal
}

// workload is what a process was started as part of.
func workload(a *topology.Attributes) string {
	if name := cmp.Or(a.Workload(), a.ReplicaSet, a.KubeService, a.PodName); name != "" {
		return clip(name)
	}
	if unit := a.Unit; strings.HasSuffix(unit, ".service") && !strings.HasPrefix(unit, "run-") && !strings.HasPrefix(unit, "user@") {
		return clip(unit)
	}
	return ""
}

// programName is the name of a program, which never begins as our words do.
func programName(name string) string {
	if strings.HasPrefix(name, "~") {
		name = "./" + name
	}
	return clip(name)
}

// clip bounds a value, and replaces what is not UTF-8, which would make the
// whole answer invalid, and what does not show, which could mislead.
func clip(s string) string {
	if len(s) <= longest && plain(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return utf8.RuneError
		}
		return r
	}, s)
	if len(s) <= longest {
		return s
	}
	cut := longest - len("…")
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// plain: it is of ASCII that shows.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// anonymous: it is one of the ends that stand for many anyway.
func (e *end) anonymous() bool {
	return e.external && e.address == "" && e.workload == "" && e.host == "" && strings.HasPrefix(e.program, "~")
}

// compare orders the ends of an edge without roles, so that the same two
// programs are one series whichever has the smaller process id.
func (e *end) compare(o *end) int {
	return cmp.Or(cmp.Compare(e.program, o.program), cmp.Compare(e.host, o.host), cmp.Compare(e.namespace, o.namespace),
		cmp.Compare(e.workload, o.workload), cmp.Compare(e.container, o.container), cmp.Compare(e.pid, o.pid), cmp.Compare(e.address, o.address))
}

// identity is what makes a series; it is a key, and never changed.
type identity struct {
	pair                                     bool // roles are not known: a is the first end, not the client
	a, b                                     end
	port                                     uint16
	path, transport, protocol, tls, observed string
}

// form is how the series is told.
func (i *identity) form() *form {
	if i.pair {
		return &pairForm
	}
	return &edgeForm
}
