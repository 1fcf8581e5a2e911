package tui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"peerscope/internal/screen"
	"peerscope/internal/topology"
)

// mostPairs bounds what is counted for the summary; of more only the sums are.
const mostPairs = 20_000

// session adds up what was seen since the start, whatever was shown of it.
type session struct {
	host       string
	from, to   time.Time
	bytes      [2]uint64 // to servers and back
	pairs      map[pair]*tally
	losses     map[string]uint64
	lost       uint64
	unreported int // pairs beyond the bound
}

// pair is who called whom at what, by name: pids come and go.
type pair struct {
	client, server string
	transport, at  string
	roles          bool
}

type tally struct {
	bytes, failed uint64
	error         string
}

func newSession() *session {
	return &session{pairs: map[pair]*tally{}, losses: map[string]uint64{}}
}

func (s *session) take(m *topology.Map) {
	s.host = m.Host.Name
	if from, to, err := m.Window.Bounds(); err == nil {
		if s.from.IsZero() || from.Before(s.from) {
			s.from = from
		}
		if to.After(s.to) {
			s.to = to
		}
	}
	for reason, n := range m.Capture.Lost {
		s.losses[reason] += n
		s.lost += n
	}
	var names map[string]string
	for i := range m.Edges {
		e := &m.Edges[i]
		to, back := e.Bytes.Directions()
		n := value(to) + value(back)
		s.bytes[0], s.bytes[1] = s.bytes[0]+value(to), s.bytes[1]+value(back)
		if n == 0 && e.Connections.Failed == 0 {
			continue
		}
		if names == nil {
			names = make(map[string]string, len(m.Nodes))
			for i := range m.Nodes {
				names[m.Nodes[i].ID] = m.Nodes[i].Name
			}
		}
		s.count(e, names, n)
	}
}

func (s *session) count(e *topology.Edge, names map[string]string, bytes uint64) {
	k := pair{client: names[e.Client], server: names[e.Server], transport: e.Transport, at: e.Path, roles: len(e.Ends) != 2}
	if !k.roles {
		k.client, k.server = names[e.Ends[0]], names[e.Ends[1]]
	} else if e.ServerPort != 0 {
		k.at = portText(e.ServerPort)
	}
	t := s.pairs[k]
	if t == nil {
		if len(s.pairs) >= mostPairs {
			s.unreported++
			return
		}
		t = &tally{}
		s.pairs[k] = t
	}
	t.bytes += bytes
	t.failed += e.Connections.Failed
	if e.Connections.Failed > 0 {
		t.error = errorWord(e.Errors)
	}
}

func value(n *uint64) uint64 {
	if n == nil {
		return 0
	}
	return *n
}

func portText(port uint16) string { return fmt.Sprint(port) }

// Summary is what a session saw, in five lines that stay on the terminal.
type Summary [5]string

// String has the lines, each ended.
func (s Summary) String() string {
	if s == (Summary{}) {
		return ""
	}
	return strings.Join(s[:], "\n") + "\n"
}

// summary writes the session down in lines of at most that width; nothing if no
// map came.
func (s *session) summary(st style, width int) Summary {
	if s.to.IsZero() {
		return Summary{}
	}
	g := st.glyphs()
	busy, failing := s.ranked(func(t *tally) uint64 { return t.bytes }), s.ranked(func(t *tally) uint64 { return t.failed })
	name := func(k pair) string {
		arrow := " " + g.arrow + " "
		if !k.roles {
			arrow = " " + g.both + " "
		}
		return screen.Shorten(st.clean(k.client), 24, g.ellipsis) + arrow + strings.TrimSpace(screen.Shorten(st.clean(k.server), 24, g.ellipsis)+" "+screen.Shorten(st.clean(k.at), 24, g.ellipsis))
	}
	top, problems := "none that could be counted", "none"
	if len(busy) > 0 {
		var parts []string
		for _, k := range busy[:min(len(busy), 3)] {
			parts = append(parts, name(k)+" "+amount(float64(s.pairs[k].bytes)))
		}
		top = strings.Join(parts, g.dot)
	}
	if len(failing) > 0 {
		var parts []string
		for _, k := range failing[:min(len(failing), 2)] {
			t := s.pairs[k]
			parts = append(parts, fmt.Sprintf("%s %s %s", name(k), many(t.failed, "connect"), st.clean(t.error)))
		}
		if n := len(failing); n > 2 {
			parts = append(parts, fmt.Sprintf("%d more", n-2))
		}
		problems = strings.Join(parts, g.dot)
	}
	lost := "nothing"
	if s.lost > 0 {
		known := maps.Clone(s.losses)
		maps.DeleteFunc(known, func(_ string, n uint64) bool { return n == 0 })
		lost = st.clean(counts(known))
	}
	lines := Summary{
		fmt.Sprintf("peerscope: %s of %s, %s %s to servers, %s %s back", lasting(s.to.Sub(s.from)), cmp.Or(st.clean(s.host), "this host"),
			g.up, amount(float64(s.bytes[0])), g.down, amount(float64(s.bytes[1]))),
		"  most bytes  " + top,
		"  problems    " + problems,
		"  lost        " + lost,
		"  to keep it  peerscope record -w incident.rec.zst",
	}
	for i := range lines {
		lines[i] = screen.Truncate(lines[i], width, g.ellipsis)
	}
	return lines
}

// ranked are the pairs that have something of a count, most first.
func (s *session) ranked(of func(*tally) uint64) []pair {
	var out []pair
	for k, t := range s.pairs {
		if of(t) > 0 {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b pair) int {
		return cmp.Or(cmp.Compare(of(s.pairs[b]), of(s.pairs[a])), cmp.Compare(a.client, b.client), cmp.Compare(a.server, b.server), cmp.Compare(a.at, b.at), cmp.Compare(a.transport, b.transport))
	})
	return out
}
