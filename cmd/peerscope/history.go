package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"peerscope/internal/history"
)

func newHistory(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "history",
		Short: "What serve remembers: how much it is, as a table, over time",
		Long: "History reads what peerscope serve remembers on disk, also while it writes. docs/HISTORY.md says\n" +
			"what is kept and for how long. 'peerscope map --at -1h' and 'peerscope diff -2h -1h' read it too.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newHistoryStats(s), newHistoryExport(s), newHistorySeries(s))
	return c
}

func newHistoryStats(s streams) *cobra.Command {
	var p past
	var format string
	c := &cobra.Command{
		Use:     "stats",
		Short:   "How much is kept, since when, and what was lost",
		Example: "  peerscope history stats\n  peerscope history stats -o json --history /mnt/history",
		Args:    noArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return usage(fmt.Errorf("unknown output %q: it is text or json", format))
			}
			store, err := p.open()
			if err != nil {
				return err
			}
			defer store.Close()
			if format == "json" {
				return statsJSON(s, store.Stats())
			}
			return statsText(s, store.Stats())
		},
	}
	p.flags(c)
	c.Flags().StringVarP(&format, "output", "o", "text", "`FORMAT`: text or json")
	_ = c.RegisterFlagCompletionFunc("output", fixed([]string{"text", "json"}))
	return c
}

// lengths are how people call the windows of a level.
func lengths() map[string]string {
	return map[string]string{"fine": "as they came", "1m": "1 minute", "10m": "10 minutes", "1h": "1 hour"}
}

func statsText(s streams, st history.Stats) error {
	fmt.Fprintf(s.out, "%s\n", st.Dir)
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "windows of\thow many\tbytes\tfrom\tto")
	row := func(name string, n int, bytes int64, from, to time.Time) {
		first, last := "-", "-"
		if n > 0 {
			first, last = clockTime(from), clockTime(to)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\n", name, n, bytes, first, last)
	}
	for _, l := range st.Levels {
		row(lengths()[l.Name], l.Windows, l.Bytes, l.Oldest, l.Newest)
	}
	row("all", st.Windows, st.Bytes, st.Oldest, st.Newest)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	for _, reason := range slices.Sorted(maps.Keys(st.Lost)) {
		fmt.Fprintf(s.out, "lost: %s: %s\n", plural(int(st.Lost[reason]), "window"), reason)
	}
	if st.Damaged > 0 {
		fmt.Fprintf(s.out, "damaged: %s\n", plural(st.Damaged, "window"))
	}
	return nil
}

// statsSchema names the JSON of history stats.
const statsSchema = "peerscope.history/v1"

func statsJSON(s streams, st history.Stats) error {
	type level struct {
		Name    string     `json:"name"`
		Windows int        `json:"windows"`
		Bytes   int64      `json:"bytes"`
		From    *time.Time `json:"from,omitempty"`
		To      *time.Time `json:"to,omitempty"`
	}
	out := struct {
		Schema  string            `json:"schema"`
		Dir     string            `json:"dir"`
		Windows int               `json:"windows"`
		Bytes   int64             `json:"bytes"`
		From    *time.Time        `json:"from,omitempty"`
		To      *time.Time        `json:"to,omitempty"`
		Levels  []level           `json:"levels"`
		Lost    map[string]uint64 `json:"lost"`
		Damaged int               `json:"damaged"`
	}{statsSchema, st.Dir, st.Windows, st.Bytes, known(st.Oldest), known(st.Newest), nil, st.Lost, st.Damaged}
	for _, l := range st.Levels {
		out.Levels = append(out.Levels, level{l.Name, l.Windows, l.Bytes, known(l.Oldest), known(l.Newest)})
	}
	enc := json.NewEncoder(s.out)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	return nil
}

// known is nil for a time that is not.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
