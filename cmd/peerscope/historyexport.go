package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"peerscope/internal/export"
	"peerscope/internal/filter"
	"peerscope/internal/topology"
)

// exportOptions are the flags of history export.
type exportOptions struct {
	past
	from, to, format, outputFile string
	step                         time.Duration
	filter                       *filter.Expr
}

func newHistoryExport(s streams) *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "export [FILTER...]",
		Short: "Write what is kept as a table: a row for each edge of each window",
		Example: "  peerscope history export --from -1h -o csv > hour.csv\n" +
			"  peerscope history export --from -7d --step 1h -o ndjson to:port:5432",
		Args:              filterArgs(&o.filter),
		ValidArgsFunction: completeFilter,
		RunE:              func(c *cobra.Command, _ []string) error { return o.run(c, s) },
	}
	o.past.flags(c)
	filterFlag(c)
	quietFlag(c, s)
	f := c.Flags()
	f.StringVar(&o.from, "from", "-1h", "since `TIME`: -1h, 12:01, 2026-01-31T12:01:05Z")
	f.StringVar(&o.to, "to", "now", "until `TIME`")
	f.DurationVar(&o.step, "step", 0, "windows as long as this, where such are kept: 1m, 10m or 1h (default: as short as they are kept)")
	f.StringVarP(&o.format, "output", "o", "csv", "`FORMAT`: csv or ndjson")
	f.StringVar(&o.outputFile, "output-file", "", "write to `FILE`")
	_ = c.RegisterFlagCompletionFunc("output", fixed([]string{"csv", "ndjson"}))
	return c
}

// between reads the two times of a command.
func between(from, to string) (span, error) {
	a, err := when("--from", from)
	if err != nil {
		return a, err
	}
	b, err := when("--to", to)
	if err != nil {
		return b, err
	}
	if !a.point || !b.point {
		return a, usage(errors.New("--from and --to are one time each"))
	}
	if !a.from.Before(b.from) {
		return a, usage(fmt.Errorf("--from %s --to %s: that ends before it begins", from, to))
	}
	return span{from: a.from, to: b.from}, nil
}

func (o *exportOptions) run(c *cobra.Command, s streams) error {
	if o.format != "csv" && o.format != "ndjson" {
		return usage(fmt.Errorf("unknown output %q: it is csv or ndjson", o.format))
	}
	t, err := between(o.from, o.to)
	if err != nil {
		return err
	}
	store, err := o.past.open()
	if err != nil {
		return err
	}
	defer store.Close()
	out, done := s.out, func() error { return nil }
	if o.outputFile != "" {
		f, err := os.Create(o.outputFile)
		if err != nil {
			return fmt.Errorf("write the history: %w", err)
		}
		defer f.Close()
		out, done = f, f.Close
	}
	w := rows{out: out, format: o.format}
	err = store.Windows(c.Context(), t.from, t.to, o.step, func(m *topology.Map) error {
		if !o.filter.Empty() {
			m = o.filter.Select(m)
		}
		return w.write(m)
	})
	if err != nil {
		return err
	}
	if w.windows == 0 {
		_, _, err := store.Range(c.Context(), t.from, t.to)
		return emptyInWords(err)
	}
	return done()
}

// rows writes the edges of windows, one a row.
type rows struct {
	out     io.Writer
	format  string
	windows int
}

func (w *rows) write(m *topology.Map) error {
	var b bytes.Buffer
	if w.format == "csv" {
		if err := export.CSV(&b, m); err != nil {
			return err
		}
		if w.windows > 0 { // the header is there already
			_, _ = b.ReadBytes('\n')
		}
	} else if err := ndjson(&b, m); err != nil {
		return err
	}
	w.windows++
	if _, err := w.out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}

// ndjson writes an edge as it is in the map's JSON, with its window, and its ends
// with all that is known of them.
func ndjson(b *bytes.Buffer, m *topology.Map) error {
	nodes := make(map[string]*topology.Node, len(m.Nodes))
	for i := range m.Nodes {
		nodes[m.Nodes[i].ID] = &m.Nodes[i]
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	for i := range m.Edges {
		e := &m.Edges[i]
		line := struct {
			Host   string           `json:"host.name"`
			Window topology.Window  `json:"window"`
			Edge   *topology.Edge   `json:"edge"`
			Nodes  []*topology.Node `json:"nodes"`
		}{m.Host.Name, m.Window, e, nil}
		for _, id := range append([]string{e.Client, e.Server}, e.Ends...) {
			if n := nodes[id]; n != nil {
				line.Nodes = append(line.Nodes, n)
			}
		}
		if err := enc.Encode(line); err != nil {
			return fmt.Errorf("encode an edge: %w", err)
		}
	}
	return nil
}
