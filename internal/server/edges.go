package server

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"peerscope/internal/topology"
	"peerscope/internal/view"
)

const (
	mostRows = 1000
	mostPart = 500 // parts of an edge or node that are listed
)

// edgeList is a page of rows.
type edgeList struct {
	Schema  string          `json:"schema"`
	Window  topology.Window `json:"window"`
	Total   view.Size       `json:"total"`
	Matched view.Size       `json:"matched"`
	Hidden  []view.Hidden   `json:"hidden"`
	Edges   []view.Edge     `json:"edges"`
	Nodes   []view.Node     `json:"nodes"`
	Next    string          `json:"next,omitempty"`
}

// cursor is where a page begins, and of which window all pages are.
type cursor struct {
	From  int64  `json:"f"`
	To    int64  `json:"t"`
	After int    `json:"a"` // rows that were listed
	Of    uint32 `json:"o"` // the other parameters
}

// columns are what rows can be sorted by.
func columns() map[string]func(a, b *view.Edge, names func(string) string) int {
	number := func(of func(*view.Edge) *float64) func(a, b *view.Edge, _ func(string) string) int {
		return func(a, b *view.Edge, _ func(string) string) int { return compareKnown(of(a), of(b)) }
	}
	mean := func(t *view.Times) *float64 {
		if t == nil {
			return nil
		}
		return &t.Mean
	}
	return map[string]func(a, b *view.Edge, names func(string) string) int{
		"bytes":       number(func(e *view.Edge) *float64 { return bytesOf(e) }),
		"tx":          number(func(e *view.Edge) *float64 { return e.Tx }),
		"rx":          number(func(e *view.Edge) *float64 { return e.Rx }),
		"active":      number(func(e *view.Edge) *float64 { return new(float64(e.Active)) }),
		"opened":      number(func(e *view.Edge) *float64 { return e.Opened }),
		"closed":      number(func(e *view.Edge) *float64 { return e.Closed }),
		"failed":      number(func(e *view.Edge) *float64 { return e.Failed }),
		"retransmits": number(func(e *view.Edge) *float64 { return e.Retransmits }),
		"rtt":         number(func(e *view.Edge) *float64 { return mean(e.RTT) }),
		"connect":     number(func(e *view.Edge) *float64 { return mean(e.Connect) }),
		"health":      number(func(e *view.Edge) *float64 { return new(severity(e.Health)) }),
		"port":        number(func(e *view.Edge) *float64 { return portOf(e) }),
		"client": func(a, b *view.Edge, names func(string) string) int {
			x, _ := endsOf(a)
			y, _ := endsOf(b)
			return cmp.Compare(names(x), names(y))
		},
		"server": func(a, b *view.Edge, names func(string) string) int {
			_, x := endsOf(a)
			_, y := endsOf(b)
			return cmp.Compare(names(x), names(y))
		},
		"id": func(a, b *view.Edge, _ func(string) string) int { return cmp.Compare(a.ID, b.ID) },
	}
}

// sorts are the words of the parameter.
func sorts() []string {
	var out []string
	for name := range columns() {
		out = append(out, name, "-"+name)
	}
	slices.Sort(out)
	return out
}

// compareKnown puts what is not known behind everything, in either direction.
func compareKnown(a, b *float64) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return unknownLast
	case b == nil:
		return -unknownLast
	}
	return cmp.Compare(*a, *b)
}

// unknownLast is told from an ordinary comparison, which is -1, 0 or 1.
const unknownLast = 2

func sortEdges(list []view.Edge, by string, names func(string) string) {
	column, falling := strings.CutPrefix(by, "-")
	compare := columns()[column]
	slices.SortFunc(list, func(a, b view.Edge) int {
		n := compare(&a, &b, names)
		if falling && n != unknownLast && n != -unknownLast {
			n = -n
		}
		return cmp.Or(n, cmp.Compare(a.ID, b.ID))
	})
}

func bytesOf(e *view.Edge) *float64 {
	if e.Bytes == nil || e.Bytes.Tx == nil && e.Bytes.Rx == nil {
		return nil
	}
	sum := 0.0
	for _, n := range []*uint64{e.Bytes.Tx, e.Bytes.Rx} {
		if n != nil {
			sum += float64(*n)
		}
	}
	return &sum
}

func portOf(e *view.Edge) *float64 {
	if e.ServerPort == 0 {
		return nil
	}
	return new(float64(e.ServerPort))
}

func severity(h view.Health) float64 {
	return float64(slices.Index([]view.Health{view.Idle, view.OK, view.Warn, view.Bad, view.Error}, h))
}

// endsOf are the ids of an edge's ends, the client's first.
func endsOf(e *view.Edge) (first, second string) {
	if len(e.Ends) == 2 {
		return e.Ends[0], e.Ends[1]
	}
	return e.Client, e.Server
}

// edges answers with one page of rows.
func (s *Server) edges(c *call) error {
	l := c.look()
	l.limit, l.group = 0, view.GroupNone
	by := c.p.word("sort", "-bytes", sorts())
	rows := c.p.number("limit", 100, 1, mostRows)
	of := fnv.New32a()
	fmt.Fprint(of, l.key(), l.length, by)
	at, next := c.cursor(of.Sum32())
	if c.p.wrong != nil {
		return c.p.wrong
	}
	from, to := l.bounds(s.recent.ticks(), s.now())
	if next {
		from, to = at.From, at.To
	}
	l.past = past{until: time.UnixMilli(to), length: time.Duration(to-from) * time.Millisecond}
	if !next && c.p.values.Get("at") == "" && s.recent.last() == nil {
		l.past.until = time.Time{}
	}
	x, err := s.span(c.r.Context(), l.past)
	if err != nil {
		return err
	}
	p, err := s.picture(c.r.Context(), x, nil, l)
	if err != nil {
		return err
	}
	list := page(p.graph, by, at.After, rows)
	if at.After+rows < len(p.graph.Edges) {
		list.Next = cursor{from, to, at.After + rows, of.Sum32()}.String()
	}
	a, err := jsonAnswer(list)
	if err != nil {
		return err
	}
	a.send(c.w, c.r)
	return nil
}

func (c cursor) String() string {
	b, _ := json.Marshal(c) // numbers only
	return base64.RawURLEncoding.EncodeToString(b)
}

// cursor reads where the page begins; false: at the first row.
func (c *call) cursor(of uint32) (cursor, bool) {
	v := c.p.text("cursor", "", 512)
	if v == "" {
		return cursor{}, false
	}
	var at cursor
	b, err := base64.RawURLEncoding.DecodeString(v)
	if err == nil {
		err = json.Unmarshal(b, &at)
	}
	switch {
	case err != nil || at.After < 0 || at.To <= at.From || at.From < 0 || at.To-at.From > maxWindow.Milliseconds() || at.To > 1<<45:
		c.p.fail(badParameter("cursor", "it is not one that a page gave: begin without a cursor"))
	case at.Of != of:
		c.p.fail(badParameter("cursor", "it is of other parameters: begin without a cursor"))
	}
	return at, true
}

// page is some rows with the nodes they name. The graph is shared: it is copied.
func page(g *view.Graph, by string, after, rows int) *edgeList {
	nodes := make(map[string]*view.Node, len(g.Nodes))
	for i := range g.Nodes {
		nodes[g.Nodes[i].ID] = &g.Nodes[i]
	}
	all := slices.Clone(g.Edges)
	sortEdges(all, by, func(id string) string {
		if n := nodes[id]; n != nil {
			return n.Name + "\x00" + id
		}
		return id
	})
	after = min(after, len(all))
	list := &edgeList{Schema: "peerscope.edges/v1", Window: g.Window, Total: g.Total, Matched: g.Matched, Hidden: g.Hidden,
		Edges: all[after:min(after+rows, len(all))]}
	list.Nodes = named(list.Edges, nodes)
	return list
}

// named are the nodes at the ends of edges, sorted by id.
func named(edges []view.Edge, nodes map[string]*view.Node) []view.Node {
	seen := map[string]bool{}
	out := []view.Node{}
	for i := range edges {
		a, b := endsOf(&edges[i])
		for _, id := range []string{a, b} {
			if n := nodes[id]; n != nil && !seen[id] {
				seen[id] = true
				out = append(out, *n)
			}
		}
	}
	slices.SortFunc(out, func(a, b view.Node) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
