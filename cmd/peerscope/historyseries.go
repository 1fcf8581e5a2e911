package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"peerscope/internal/filter"
	"peerscope/internal/history"
	"peerscope/internal/topology"
)

// seriesOptions are the flags of history series.
type seriesOptions struct {
	past
	from, to, format string
	step             time.Duration
}

func newHistorySeries(s streams) *cobra.Command {
	var o seriesOptions
	c := &cobra.Command{
		Use:   "series EDGE|FILTER...",
		Short: "What an edge, or all that a filter wants together, did over time",
		Long: "Series prints a line for each step of time. An edge is given by its id, as map -o json has it, or\n" +
			"by a filter; then the edges that it wants are added up. A step as long as windows are not kept\n" +
			"any more becomes longer. What is not known is '-', and empty in CSV.",
		Example: "  peerscope history series e:5b1f0a7788aa0011 --from -1h\n" +
			"  peerscope history series from:nginx to:port:5432 --from -1d --step 10m -o csv",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(errors.New("series takes the id of an edge or a filter; see: peerscope history series --help"))
			}
			return nil
		},
		ValidArgsFunction: completeFilter,
		RunE:              func(c *cobra.Command, args []string) error { return o.run(c, args, s) },
	}
	o.past.flags(c)
	quietFlag(c, s)
	f := c.Flags()
	f.StringVar(&o.from, "from", "-1h", "since `TIME`: -1h, 12:01, 2026-01-31T12:01:05Z")
	f.StringVar(&o.to, "to", "now", "until `TIME`")
	f.DurationVar(&o.step, "step", 0, "how long a step is (default: so that there are about 60)")
	f.StringVarP(&o.format, "output", "o", "table", "`FORMAT`: table, csv or json")
	_ = c.RegisterFlagCompletionFunc("output", fixed([]string{"table", "csv", "json"}))
	return c
}

var edgeID = regexp.MustCompile(`^e:[0-9a-f]{16}$`)

func (o *seriesOptions) run(c *cobra.Command, args []string, s streams) error {
	if o.format != "table" && o.format != "csv" && o.format != "json" {
		return usage(fmt.Errorf("unknown output %q: it is table, csv or json", o.format))
	}
	if o.step < 0 || o.step > 0 && o.step < time.Second {
		return usage(fmt.Errorf("--step %v: a step is a second or longer", o.step))
	}
	t, err := between(o.from, o.to)
	if err != nil {
		return err
	}
	if o.step == 0 {
		o.step = evenStep(t.to.Sub(t.from) / 60)
	}
	text := strings.Join(args, " ")
	var e *filter.Expr
	if !edgeID.MatchString(text) {
		if e, err = filter.Parse(text); err != nil {
			return usage(err)
		}
	}
	store, err := o.past.open()
	if err != nil {
		return err
	}
	defer store.Close()
	edges := []string{text}
	if e != nil {
		if edges, err = wanted(c, store, t, e); err != nil {
			return err
		}
	}
	series, err := store.Series(c.Context(), edges, t.from, t.to, o.step)
	if err != nil {
		return err
	}
	tellGaps(series.Gaps, s.err)
	return o.write(s, series)
}

// wanted are the ids of the edges that a filter wants of a time.
func wanted(c *cobra.Command, store *history.Store, t span, e *filter.Expr) ([]string, error) {
	m, _, err := store.Range(c.Context(), t.from, t.to)
	if err != nil {
		return nil, emptyInWords(err)
	}
	var out []string
	for _, edge := range e.Select(m).Edges {
		out = append(out, edge.ID)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("none of %s between %s and %s matches %s", plural(len(m.Edges), "edge"), clockTime(t.from), clockTime(t.to), e)
	}
	return out, nil
}

// evenStep is a step that people count in, not shorter.
func evenStep(d time.Duration) time.Duration {
	for _, step := range []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 6 * time.Hour} {
		if d <= step {
			return step
		}
	}
	return 24 * time.Hour
}

func (o *seriesOptions) write(s streams, series *topology.Series) error {
	var b bytes.Buffer
	var err error
	switch o.format {
	case "json":
		enc := json.NewEncoder(&b)
		enc.SetIndent("", "  ")
		err = enc.Encode(series)
	case "csv":
		w := csv.NewWriter(&b)
		w.UseCRLF = true
		err = w.WriteAll(seriesRows(series, "", time.RFC3339))
	default:
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
		for _, row := range seriesRows(series, "-", time.DateTime) {
			fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
		}
		err = w.Flush()
	}
	if err == nil {
		_, err = s.out.Write(b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write the series: %w", err)
	}
	return nil
}

// seriesRows are a header and a row for each step.
func seriesRows(series *topology.Series, unknown, layout string) [][]string {
	out := [][]string{append([]string{"time"}, topology.Measures()...)}
	for i, t := range series.Times {
		at := time.UnixMilli(t).UTC()
		if layout == time.DateTime {
			at = at.Local()
		}
		row := []string{at.Format(layout)}
		for _, m := range topology.Measures() {
			cell := unknown
			if v := series.Columns[m][i]; v != nil {
				cell = strconv.FormatFloat(*v, 'g', 6, 64)
			}
			row = append(row, cell)
		}
		out = append(out, row)
	}
	return out
}
