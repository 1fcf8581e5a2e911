package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"peerscope/internal/export"
	"peerscope/internal/filter"
	"peerscope/internal/flow"
	"peerscope/internal/spelling"
	"peerscope/internal/topology"
)

// mostInFull bounds how many edges are explained in full; the others get a line.
const mostInFull = 10

type explainOptions struct {
	selection
	look
	filter string
	format string
	past
	at   string // when, of what serve remembers; empty: now
	time span
}

func newExplain(s streams) *cobra.Command {
	var o explainOptions
	c := &cobra.Command{
		Use:   "explain [A [B]]",
		Short: "Observe for a while, then say of an edge who, how, since when, and on what evidence",
		Long: "Explains the edges that touch A, or those from A to B: who talks to whom, how, since when, on what\n" +
			"evidence, what was considered and rejected, and what cannot be known.\n\n" +
			"--filter says which edges are wanted in the language of map, beside A and B or instead of them.\n" +
			"A and B are a program (nginx), a pid (812 or pid:812), a port of a server (:5432), an address\n" +
			"(10.0.0.7, 10.0.0.7:5432), a unit, a container id, or the id of an edge (e:...) or a node of a map.\n\n" +
			"--at asks what serve remembers of a time: since when, what it did, what happened. Without it the\n" +
			"history is asked since when an edge exists, if there is one.",
		Example: "  peerscope explain worker redis       # why the one cannot reach the other\n" +
			"  peerscope explain :5432              # who calls that port\n" +
			"  peerscope explain pid:812 -o json    # for programs\n" +
			"  peerscope explain --filter is:problem # what fails\n" +
			"  peerscope explain worker redis --at -2h..-1h # what is remembered of that hour\n" +
			"  peerscope explain e:cd80c2d2b30ee52c --from incident.rec",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 2 || len(args) == 0 && o.filter == "" {
				return usage(fmt.Errorf("explain takes one or two of: a program, pid, port, address or id, or a --filter, but got %d; see: %s --help", len(args), c.CommandPath()))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return o.run(c, args, s) },
	}
	o.selection.flags(c)
	o.look.flags(c)
	quietFlag(c, s)
	c.Flags().StringVar(&o.filter, "filter", "", "only edges that match `FILTER`, in the language of map")
	_ = c.RegisterFlagCompletionFunc("filter", completeFilter)
	c.Flags().StringVarP(&o.format, "output", "o", "text", "`FORMAT`: text, json")
	o.past.flags(c)
	atFlag(c, &o.at)
	c.Flags().DurationVar(&o.past.window, "window", 0, fmt.Sprintf("how long the time of --at is (default %v)", lookWindow))
	_ = c.RegisterFlagCompletionFunc("output", fixed([]string{"text", "json"}))
	return c
}

func (o *explainOptions) run(c *cobra.Command, args []string, s streams) error {
	if o.format != "text" && o.format != "json" {
		return usage(fmt.Errorf("unknown output format %q: it is text or json", o.format))
	}
	wanted, err := parseEnds(args)
	if err != nil {
		return usage(err)
	}
	expr, err := filter.Parse(o.filter)
	if err != nil {
		return usage(err)
	}
	if err := o.checkTime(c); err != nil {
		return err
	}
	m, x, err := o.explainer(c, s)
	if err != nil {
		return err
	}
	defer x.close()
	all := len(m.Edges)
	if m = applyFilter(expr, m, s.err); len(m.Edges) == 0 && all > 0 {
		if m, ok := s.err.(*messages); ok && m.quiet {
			return fmt.Errorf("0 of %s match %s", plural(all, "edge"), expr)
		}
		return &exitError{code: exitFailed} // it was said
	}
	edges, reversed := wanted.choose(m, x.pipeline)
	switch {
	case len(edges) == 0 && len(args) == 0:
		return errors.New("there is no edge to explain")
	case len(edges) == 0:
		return errors.New(wanted.missing(m, o.at))
	}
	if reversed {
		fmt.Fprintf(s.err, "peerscope: nothing goes from %s to %s; this is what goes from %s to %s\n", args[0], args[1], args[1], args[0])
	}
	export.Worst(edges)
	full, rest := edges[:min(len(edges), mostInFull)], edges[min(len(edges), mostInFull):]
	var b bytes.Buffer
	if o.format == "json" {
		err = export.ExplainJSON(&b, m, x.explain(c.Context(), m, edges))
	} else {
		err = export.Explain(&b, m, x.explain(c.Context(), m, full), rest, o.style(s.out))
	}
	if err != nil {
		return err
	}
	if _, err := s.out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the explanation: %w", err)
	}
	return nil
}

// explain walks the ladder again for the connections of some edges of the window
// that was closed.
func (p *pipeline) explain(m *topology.Map, edges []*topology.Edge) []*topology.Explanation {
	x := topology.NewExplainer(p.engine, p.ledger, m)
	for _, e := range edges {
		x.Want(e.ID)
	}
	for c := range p.engine.Connections(x.Wants) {
		x.Add(c.Edge, func(id func(flow.NodeRef) string) *flow.Account { return p.engine.Explain(c, id) })
	}
	var out []*topology.Explanation
	for _, e := range edges {
		out = append(out, x.Explanation(e.ID))
	}
	return out
}

// missing is one line that says that nothing fits at that time, and what there is
// that is near; empty: now.
func (w *wantedEnds) missing(m *topology.Map, at string) string {
	text := "no edge touches " + w.texts[0]
	if len(w.texts) == 2 {
		text = fmt.Sprintf("no edge is between %s and %s", w.texts[0], w.texts[1])
	}
	for i, end := range w.ends {
		if idle := end.idle(m); idle != "" {
			return text + ": " + idle
		}
		if len(w.ends) == 2 && end.touchesAny(m) {
			continue // the other one is what is missing
		}
		if near := nearTo(w.texts[i], m); near != "" {
			text += "; near " + w.texts[i] + ": " + near
		}
	}
	if len(m.Edges) == 0 {
		return text + ": nothing talked at all while it was observed; see: peerscope doctor"
	}
	if at != "" {
		return text + "; all there is: peerscope map --at " + at
	}
	return text + "; all there is: peerscope map"
}

// nearTo names what is most like what was typed, else what talks most.
func nearTo(typed string, m *topology.Map) string {
	var words []string
	add := func(w string) {
		if w != "" && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if n.Kind != topology.KindAddress || n.Attributes.PeerAddress != "" {
			add(n.Name)
		}
		add(n.Attributes.Unit)
	}
	if strings.HasPrefix(typed, ":") {
		words = nil
		for i := range m.Edges {
			if p := m.Edges[i].ServerPort; p != 0 {
				add(fmt.Sprintf(":%d", p))
			}
		}
	}
	slices.Sort(words)
	if best := spelling.Nearest(typed, words); best != "" {
		return best
	}
	const most = 5
	if len(words) > most {
		return strings.Join(words[:most], ", ") + fmt.Sprintf(" and %d more", len(words)-most)
	}
	return strings.Join(words, ", ")
}
