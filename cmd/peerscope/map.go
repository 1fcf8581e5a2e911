package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"peerscope/internal/export"
	"peerscope/internal/topology"
)

// mapOptions are the flags of map.
type mapOptions struct {
	observation
	format     string
	group      string
	pids       []int
	cgroups    []string
	from       string
	outputFile string
	noColor    bool
	ascii      bool
}

func newMap(s streams) *cobra.Command {
	var o mapOptions
	c := &cobra.Command{
		Use:   "map",
		Short: "Observe for a while, then print who talks to whom",
		Example: "  peerscope map                        # 10 seconds of the whole host\n" +
			"  peerscope map --for 0                # what is open now\n" +
			"  peerscope map --pid 812 -o json      # the connections of one process\n" +
			"  peerscope map --from incident.rec    # a recording, on any machine",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Errorf("unexpected argument %q; select with --pid, --cgroup or --netns, see: peerscope map --help", args[0]))
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c, s) },
	}
	f := c.Flags()
	o.observation.flags(c)
	f.StringVarP(&o.format, "output", "o", "", "format: "+strings.Join(export.Formats(), ", ")+" (default tree on a terminal, else table)")
	f.StringVar(&o.group, "group-by", "process", "one node for each: "+strings.Join(topology.Levels(), ", "))
	f.IntSliceVar(&o.pids, "pid", nil, "only edges of which one end is this process (repeatable)")
	f.StringArrayVar(&o.cgroups, "cgroup", nil, "only edges of which one end is in this cgroup or below (repeatable)")
	f.StringVar(&o.from, "from", "", "replay a recording instead of observing this host")
	f.StringVar(&o.outputFile, "output-file", "", "write the map to this file")
	f.BoolVar(&o.noColor, "no-color", false, "no colours, also on a terminal (or set NO_COLOR)")
	f.BoolVar(&o.ascii, "ascii", false, "ASCII characters only")
	fixed := func(values []string) cobra.CompletionFunc {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values, cobra.ShellCompDirectiveNoFileComp
		}
	}
	_ = c.RegisterFlagCompletionFunc("output", fixed(export.Formats()))
	_ = c.RegisterFlagCompletionFunc("group-by", fixed(topology.Levels()))
	return c
}

// flags adds those that say what is observed.
func (o *observation) flags(c *cobra.Command) {
	f := c.Flags()
	f.DurationVar(&o.length, "for", 10*time.Second, "how long to observe; 0: what is open now")
	f.StringVar(&o.source, "source", "auto", "auto, ebpf or netlink")
	f.StringArrayVar(&o.namespaces, "netns", nil, "only this network namespace: a name, a path or an inode (repeatable; default all)")
	f.StringVar(&o.entities, "entities", "", "a file that says as which services processes are known (YAML or JSON)")
	_ = c.MarkFlagFilename("entities")
	f.BoolVar(&o.originalDst, "original-dst", false, "where conntrack cannot be read, ask servers' sockets what their clients dialled")
	_ = c.RegisterFlagCompletionFunc("netns", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		entries, _ := os.ReadDir("/run/netns")
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names, cobra.ShellCompDirectiveDefault
	})
	_ = c.RegisterFlagCompletionFunc("source", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"auto", "ebpf", "netlink"}, cobra.ShellCompDirectiveNoFileComp
	})
}

// check refuses wrong values before anything is observed.
func (o *mapOptions) check(c *cobra.Command, stdout io.Writer) error {
	if o.format == "" {
		o.format = "table"
		if isTerminal(stdout) && o.outputFile == "" {
			o.format = "tree"
		}
	}
	if err := export.Check(o.format); err != nil {
		return usage(err)
	}
	if err := topology.CheckLevel(o.group); err != nil {
		return usage(err)
	}
	if o.length < 0 {
		return usage(fmt.Errorf("--for %v: the time cannot be negative", o.length))
	}
	for _, pid := range o.pids {
		if pid <= 0 {
			return usage(fmt.Errorf("--pid %d: a pid is a positive number", pid))
		}
	}
	if o.from != "" {
		for _, name := range []string{"for", "source", "netns", "entities", "original-dst"} {
			if c.Flags().Changed(name) {
				return usage(fmt.Errorf("--%s says what to observe, and --from replays what was observed; give one of them", name))
			}
		}
		return nil
	}
	if err := o.observation.check(); err != nil {
		return err
	}
	for _, pid := range o.pids {
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err != nil {
			return fmt.Errorf("--pid %d: there is no such process", pid)
		}
	}
	return nil
}

func (o *mapOptions) run(c *cobra.Command, s streams) error {
	if err := o.check(c, s.out); err != nil {
		return err
	}
	p := newPipeline()
	var err error
	if o.from != "" {
		err = replay(o.from, p.take, s.err)
	} else {
		err = observe(c.Context(), o.observation, p.take, newProgress(s.err))
	}
	if err != nil {
		return err
	}
	m := p.close()
	if len(o.pids) > 0 || len(o.cgroups) > 0 {
		if m = topology.Select(m, o.wanted); len(m.Edges) == 0 {
			fmt.Fprintln(s.err, "peerscope: no edge has an end that --pid or --cgroup selects; without them the map shows all there is")
		}
	}
	grouped := topology.Group(m, o.group)
	if o.group != "process" && !slices.ContainsFunc(grouped.Nodes, isGroup) {
		fmt.Fprintf(s.err, "peerscope: --group-by %s: no process of this map has one that is known, so each stays by itself\n", o.group)
	}
	return o.write(grouped, s)
}

func isGroup(n topology.Node) bool { return n.Kind == topology.KindGroup }

// wanted: the values of one flag are alternatives, both flags must hold.
func (o *mapOptions) wanted(n *topology.Node) bool {
	a := &n.Attributes
	if len(o.pids) > 0 && !slices.Contains(o.pids, int(a.PID)) {
		return false
	}
	return len(o.cgroups) == 0 || slices.ContainsFunc(o.cgroups, func(want string) bool {
		want = path.Clean("/" + strings.TrimPrefix(strings.TrimPrefix(want, "/sys/fs/cgroup/unified"), "/sys/fs/cgroup"))
		return a.Cgroup == want || strings.HasPrefix(a.Cgroup, strings.TrimSuffix(want, "/")+"/")
	})
}

// write renders the whole map first, so that an error leaves nothing half
// written that could be taken for a map.
func (o *mapOptions) write(m *topology.Map, s streams) error {
	style := export.Style{ASCII: o.ascii}
	if f, ok := s.out.(*os.File); ok && o.outputFile == "" && isTerminal(s.out) {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			style.Width = w
		}
		style.Color = !o.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	var b bytes.Buffer
	if err := export.Render(&b, o.format, m, style); err != nil {
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
		return fmt.Errorf("write the map: %w", err)
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
