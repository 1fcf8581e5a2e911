package server

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"peerscope/internal/filter"
	"peerscope/internal/topology"
)

// suggestions are what the word at the cursor may become.
type suggestions struct {
	Schema      string       `json:"schema"`
	Start       int          `json:"start"`
	End         int          `json:"end"`
	Suggestions []suggestion `json:"suggestions"`
	Problem     *problem     `json:"problem,omitempty"`
}

type suggestion struct {
	Text  string `json:"text"`
	Kind  string `json:"kind"`
	Edges int    `json:"edges,omitempty"`
}

// suggest answers with what may stand at the cursor, and what is wrong.
func (s *Server) suggest(c *call) error {
	q := c.p.text("q", "", maxFilter)
	at := c.p.number("position", len(q), 0, maxFilter)
	most := c.p.number("limit", 20, 1, 100)
	if c.p.wrong != nil {
		return c.p.wrong
	}
	x, err := s.span(c.r.Context(), past{length: defaultLength})
	if err != nil {
		return err
	}
	values, err := s.values(c.r.Context(), x)
	if err != nil {
		return err
	}
	start, end := wordAt(q, min(at, len(q)))
	out := suggestions{Schema: "peerscope.suggestions/v1", Start: start, End: end, Suggestions: values.offer(q[start:min(at, len(q))], most)}
	if _, err := filter.Parse(q); err != nil {
		out.Problem = badFilter("q", err)
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.sendJSON(out)
}

// wordAt are the bounds of the term that a cursor is in or behind: quotes hold
// blanks together, parentheses and bars part.
func wordAt(q string, at int) (start, end int) {
	quoted := false
	for i := 0; i <= len(q); i++ {
		if i == len(q) || !quoted && strings.IndexByte(" \t\n()|", q[i]) >= 0 {
			if i >= at {
				return start, i
			}
			start = i + 1
			continue
		}
		if q[i] == '"' {
			quoted = !quoted
		}
	}
	return start, len(q)
}

// values are what is there now, by key of the filter language, with how many
// edges have it.
type values map[string]valueCounts

// values are gathered once for all who type.
func (s *Server) values(ctx context.Context, x *span) (values, error) {
	return cached(ctx, s.cache, "v"+x.key+x.m.Window.End, func(context.Context) (values, int64, error) {
		v := gather(x.m)
		n := 0
		for _, of := range v {
			n += len(of)
		}
		return v, int64(n) * 100, nil
	})
}

func gather(m *topology.Map) values {
	nodes := make(map[string]*topology.Node, len(m.Nodes))
	for i := range m.Nodes {
		nodes[m.Nodes[i].ID] = &m.Nodes[i]
	}
	v := values{}
	for i := range m.Edges {
		e := &m.Edges[i]
		seen := map[[2]string]bool{} // an edge counts once, also if both ends have a value
		add := func(key, value string) {
			if value == "" || len(value) > 200 || seen[[2]string{key, value}] {
				return
			}
			seen[[2]string{key, value}] = true
			if v[key] == nil {
				v[key] = valueCounts{}
			}
			v[key][value]++
		}
		ends := e.Ends
		if len(ends) == 0 {
			ends = []string{e.Client, e.Server}
		}
		for _, id := range ends {
			if n := nodes[id]; n != nil {
				gatherNode(n, m.Host.Name, add)
			}
		}
		gatherEdge(e, add)
	}
	return v
}

func gatherNode(n *topology.Node, host string, add func(key, value string)) {
	a := &n.Attributes
	if n.Kind == topology.KindProcess {
		add("proc", n.Name)
		add("host", host)
	}
	if a.PID != 0 {
		add("pid", strconv.Itoa(int(a.PID)))
	}
	add("user", a.Owner)
	add("unit", a.Unit)
	add("container", a.Container())
	add("image", a.Image)
	add("pod", a.PodName)
	add("ns", a.Namespace)
	add("ns", a.NetnsName)
	add("workload", a.Workload())
	add("svc", a.ServiceName)
	add("svc", a.KubeService)
	for _, name := range a.KubeServices {
		add("svc", name)
	}
	add("node", a.NodeName)
	add("ip", a.PeerAddress)
}

func gatherEdge(e *topology.Edge, add func(key, value string)) {
	add("proto", e.Transport)
	add("path", e.Path)
	if e.ServerPort != 0 {
		add("port", strconv.Itoa(int(e.ServerPort)))
	}
	for _, p := range e.Protocols {
		add("app", p.Name)
		if p.TLS != nil {
			add("tls", map[bool]string{true: "yes", false: "no"}[*p.TLS])
		}
	}
	for word, n := range map[string]uint64{"open": e.Connections.Active, "opened": e.Connections.Opened, "closed": e.Connections.Closed,
		"failed": e.Connections.Failed, "pending": e.Connections.Pending} {
		if n > 0 {
			add("state", word)
		}
	}
}

// offer is what a word that was begun may become: of key:begun the values of the
// key, else keys, and the names of processes.
func (v values) offer(begun string, most int) []suggestion {
	out := []suggestion{}
	prefix, rest := begun, ""
	if i := strings.LastIndexAny(begun, ":=<>~"); i >= 0 {
		prefix, rest = begun[:i+1], begun[i+1:]
	}
	key := strings.ToLower(strings.TrimLeft(prefix, "!-"))
	key = strings.TrimPrefix(strings.TrimPrefix(key, "from:"), "to:")
	key = strings.TrimRight(key, ":=<>~!")
	if of := v[key]; key != "" && prefix != begun || of != nil && prefix == begun && strings.HasSuffix(begun, ":") {
		// Of several values joined by commas it is the last one.
		if i := strings.LastIndexByte(rest, ','); i >= 0 {
			prefix, rest = prefix+rest[:i+1], rest[i+1:]
		}
		out = of.offer(out, prefix, strings.Trim(rest, `"`), "value")
	}
	for _, text := range filter.Complete(begun) {
		kind := "key"
		if !strings.HasSuffix(text, ":") {
			kind = "value"
		}
		if !slices.ContainsFunc(out, func(s suggestion) bool { return s.Text == text }) {
			out = append(out, suggestion{Text: text, Kind: kind})
		}
	}
	if word := strings.TrimLeft(begun, "!-"); !strings.ContainsAny(word, ":=<>~") {
		names := v["proc"].offer([]suggestion{}, begun[:len(begun)-len(word)], word, "name")
		out = append(names, out...)
		if word == "" { // nothing is typed: keys first
			out = append(slices.Clone(out[len(names):]), names...)
		}
	}
	return out[:min(len(out), most)]
}

type valueCounts map[string]int

// offer adds the values that have a text in them, those of the most edges first.
func (of valueCounts) offer(into []suggestion, prefix, text, kind string) []suggestion {
	start := len(into)
	for value, n := range of {
		if strings.Contains(strings.ToLower(value), strings.ToLower(text)) {
			if written := prefix + written(value); valid(written) {
				into = append(into, suggestion{written, kind, n})
			}
		}
	}
	slices.SortFunc(into[start:], func(a, b suggestion) int {
		return cmp.Or(cmp.Compare(b.Edges, a.Edges), cmp.Compare(a.Text, b.Text))
	})
	return into
}

// written is a value as the filter language reads it.
func written(value string) string {
	for _, c := range []byte(value) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._-/@", c) >= 0) {
			return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
		}
	}
	return value
}

// valid: what is offered can be read.
func valid(expression string) bool {
	_, err := filter.Parse(expression)
	return err == nil
}
