package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"peerscope/internal/attribution"
	"peerscope/internal/export"
	"peerscope/internal/filter"
	"peerscope/internal/server"
	"peerscope/internal/topology"
)

// mapOptions are the flags of map.
type mapOptions struct {
	selection
	look
	filter     *filter.Expr
	format     string
	group      string
	outputFile string
	logical    bool
	past
	at   string // when, of what serve remembers
	time span
}

// look is how text for people looks.
type look struct {
	noColor bool
	ascii   bool
}

func newMap(s streams) *cobra.Command {
	var o mapOptions
	c := &cobra.Command{
		Use:   "map [FILTER...]",
		Short: "Observe for a while, then print who talks to whom",
		Long: "Map observes this host for a while, then prints who talks to whom. A filter says which edges\n" +
			"are wanted, as 'nginx to:port:5432 rtt>10ms'; docs/FILTER.md has its language.",
		Example: "  peerscope map                        # 10 seconds of the whole host\n" +
			"  peerscope map --for 0                # what is open now\n" +
			"  peerscope map --pid 812 -o json      # the connections of one process\n" +
			"  peerscope map nginx not to:port:80   # edges of nginx, but not those to a port 80\n" +
			"  peerscope map --logical              # and through which proxies they go on\n" +
			"  peerscope map --at -1h               # an hour ago, of what serve remembers\n" +
			"  peerscope map --from incident.rec    # a recording, on any machine",
		Args:              filterArgs(&o.filter),
		ValidArgsFunction: completeFilter,
		RunE:              func(c *cobra.Command, _ []string) error { return o.run(c, s) },
	}
	f := c.Flags()
	o.selection.flags(c)
	filterFlag(c)
	quietFlag(c, s)
	o.look.flags(c)
	f.StringVarP(&o.format, "output", "o", "", "`FORMAT`: "+strings.Join(mapFormats(), ", ")+" (default tree on a terminal, else table)")
	f.StringVar(&o.group, "group-by", "process", "one node for each `LEVEL`: "+strings.Join(topology.Levels(), ", "))
	f.BoolVar(&o.logical, "logical", false, "show also who got through proxies to whom, as far as it can be inferred")
	f.StringVar(&o.outputFile, "output-file", "", "write the map to `FILE`")
	o.past.flags(c)
	atFlag(c, &o.at)
	// Without --at it is for tests: the map is joined of the maps of windows.
	f.DurationVar(&o.past.window, "window", 0, fmt.Sprintf("how long the time of --at is (default %v)", lookWindow))
	_ = c.RegisterFlagCompletionFunc("output", fixed(mapFormats()))
	_ = c.RegisterFlagCompletionFunc("group-by", fixed(topology.Levels()))
	return c
}

// fixed completes a flag that has a few values.
func fixed(values []string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	}
}

func (o *look) flags(c *cobra.Command) {
	c.Flags().BoolVar(&o.noColor, "no-color", false, "no colours, also on a terminal (or set NO_COLOR)")
	c.Flags().BoolVar(&o.ascii, "ascii", false, "ASCII characters only")
}

// style is how text looks where it is written to.
func (o *look) style(to io.Writer) export.Style {
	style := export.Style{ASCII: o.ascii}
	if f, ok := to.(*os.File); ok && isTerminal(f) {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			style.Width = w
		}
		style.Color = !o.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return style
}

// check refuses wrong values before anything is observed.
func (o *mapOptions) check(c *cobra.Command, stdout io.Writer) (err error) {
	if o.format == "" {
		o.format = "table"
		if isTerminal(stdout) && o.outputFile == "" {
			o.format = "tree"
		}
	}
	if err := export.Check(o.format, server.GraphFormats()...); err != nil {
		return usage(err)
	}
	if err := topology.CheckLevel(o.group); err != nil {
		return usage(err)
	}
	if o.at != "" {
		o.time, err = o.past.checkAt(c, o.at)
		return err
	}
	for _, name := range []string{"history", "config"} {
		if c.Flags().Changed(name) {
			return usage(fmt.Errorf("--%s says where to look, and --at when: give both", name))
		}
	}
	return o.selection.check(c)
}

func (o *mapOptions) run(c *cobra.Command, s streams) error {
	if err := o.check(c, s.out); err != nil {
		return err
	}
	m, err := o.made(c, s)
	if err != nil {
		return err
	}
	grouped := topology.Group(applyFilter(o.filter, m, s.err), o.group)
	if o.group != "process" && !slices.ContainsFunc(grouped.Nodes, isGroup) {
		fmt.Fprintf(s.err, "peerscope: --group-by %s: no process of this map has one that is known, so each stays by itself\n", o.group)
	}
	return o.write(grouped, s)
}

// made is the map of now or, with --at, of then.
func (o *mapOptions) made(c *cobra.Command, s streams) (*topology.Map, error) {
	if o.at != "" {
		m, err := o.past.at(c.Context(), o.time, s.err)
		if err != nil {
			return nil, err
		}
		if !o.logical {
			m.Logical = nil
		} else if m.Logical == nil {
			fmt.Fprintln(s.err, "peerscope: --logical: serve was not asked who gets through proxies to whom at that time")
		}
		return o.selected(m, s.err), nil
	}
	if o.past.window > 0 && o.length != 0 {
		o.boundary = liveOptions{Window: o.past.window}.withDefaults().boundary
	}
	return o.mapped(c, newPipelineOf(attribution.Config{Legs: o.logical}), s)
}

func isGroup(n topology.Node) bool { return n.Kind == topology.KindGroup }

// write renders the whole map first, so that an error leaves nothing half
// written that could be taken for a map.
func (o *mapOptions) write(m *topology.Map, s streams) error {
	style := export.Style{ASCII: o.ascii}
	if o.outputFile == "" {
		style = o.style(s.out)
	}
	var b bytes.Buffer
	if err := render(&b, o.format, m, style); err != nil {
		return err
	}
	if o.outputFile != "" {
		return writeFile(o.outputFile, b.Bytes())
	}
	if _, err := s.out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the map: %w", err)
	}
	return nil
}

// writeFile replaces a file as a whole: a full disk leaves the old one as it
// was. What is not an ordinary file is written to directly.
func writeFile(name string, data []byte) error {
	if st, err := os.Stat(name); err == nil && !st.Mode().IsRegular() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("write the map: %w", err)
		}
		_, err = f.Write(data)
		return wrapWrite(err, f.Close())
	}
	f, err := os.CreateTemp(path.Dir(name), "."+path.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("write the map to %s: %w", name, unwrapPath(err))
	}
	_, err = f.Write(data)
	if err = wrapWrite(err, f.Close()); err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func wrapWrite(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("write the map: %w", err)
		}
	}
	return nil
}
