package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// selection says what is observed, or replayed, and which edges of it count.
type selection struct {
	observation
	pids    []int
	cgroups []string
	from    string
}

func (o *selection) flags(c *cobra.Command) {
	o.observation.flags(c)
	f := c.Flags()
	f.IntSliceVar(&o.pids, "pid", nil, "only edges of which one end is the process `PID` (repeatable)")
	f.StringArrayVar(&o.cgroups, "cgroup", nil, "only edges of which one end is in the cgroup `PATH` or below (repeatable)")
	f.StringVar(&o.from, "from", "", "replay the recording `FILE` instead of observing this host")
}

// flags adds those that say what is observed.
func (o *observation) flags(c *cobra.Command) {
	f := c.Flags()
	f.DurationVar(&o.length, "for", 10*time.Second, "how long to observe; 0: what is open now")
	f.StringVar(&o.source, "source", "auto", "by which `SOURCE`: auto, ebpf or netlink")
	f.StringArrayVar(&o.namespaces, "netns", nil, "only the network namespace `NAME`: a name, a path or an inode (repeatable; default all)")
	f.StringVar(&o.entities, "entities", "", "the `FILE` that says as which services processes are known (YAML or JSON)")
	_ = c.MarkFlagFilename("entities")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "the `FILE` that leads to a Kubernetes API server (default: the pod's service account; where pods run, KUBECONFIG or ~/.kube/config)")
	_ = c.MarkFlagFilename("kubeconfig")
	f.BoolVar(&o.originalDst, "original-dst", false, "where conntrack cannot be read, ask servers' sockets what their clients dialled")
	_ = c.RegisterFlagCompletionFunc("netns", completeNamespaces)
	_ = c.RegisterFlagCompletionFunc("source", fixed([]string{"auto", "ebpf", "netlink"}))
}

// completeNamespaces offers the named network namespaces.
func completeNamespaces(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	entries, _ := os.ReadDir("/run/netns")
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, cobra.ShellCompDirectiveDefault
}

// check refuses wrong values before anything is observed.
func (o *selection) check(c *cobra.Command) error {
	if o.length < 0 {
		return usage(fmt.Errorf("--for %v: the time cannot be negative", o.length))
	}
	for _, pid := range o.pids {
		if pid <= 0 {
			return usage(fmt.Errorf("--pid %d: a pid is a positive number", pid))
		}
	}
	if o.from != "" {
		for _, name := range []string{"for", "source", "netns", "entities", "kubeconfig", "original-dst"} {
			if c.Flags().Changed(name) {
				return usage(fmt.Errorf("--%s says what to observe, and --from replays what was observed; give one of them", name))
			}
		}
		return checkRecording(o.from)
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

// mapped lets p take in what is observed or replayed, window for window, and
// gives the edges of all of it that are selected.
func (o *selection) mapped(c *cobra.Command, p *pipeline, s streams) (*topology.Map, error) {
	m, err := joined(p, func(emit func(flow.Observation)) error { return o.tell(c, emit, s) })
	if err != nil {
		return nil, err
	}
	return o.selected(m, s.err), nil
}

// whole is the same with all of it taken for one window, so that the engine still
// knows each connection.
func (o *selection) whole(c *cobra.Command, p *pipeline, s streams) (*topology.Map, error) {
	if err := o.tell(c, p.take, s); err != nil {
		return nil, err
	}
	return o.selected(p.close(), s.err), nil
}

// tell observes or replays.
func (o *selection) tell(c *cobra.Command, emit func(flow.Observation), s streams) error {
	if o.from != "" {
		err := replay(c.Context(), o.from, emit, s.err)
		if err == nil && c.Context().Err() != nil {
			fmt.Fprintf(s.err, "peerscope: %s: interrupted; the map is of what was read\n", o.from)
		}
		return err
	}
	return observe(c.Context(), o.observation, emit, newProgress(s.err))
}

// selected keeps the edges of which an end is wanted.
func (o *selection) selected(m *topology.Map, stderr io.Writer) *topology.Map {
	if len(o.pids) > 0 || len(o.cgroups) > 0 {
		if m = topology.Select(m, o.wanted); len(m.Edges) == 0 {
			fmt.Fprintln(stderr, "peerscope: no edge has an end that --pid or --cgroup selects; without them the map shows all there is")
		}
	}
	return m
}

// wanted: the values of one flag are alternatives, both flags must hold.
func (o *selection) wanted(n *topology.Node) bool {
	a := &n.Attributes
	if len(o.pids) > 0 && !slices.Contains(o.pids, int(a.PID)) {
		return false
	}
	return len(o.cgroups) == 0 || slices.ContainsFunc(o.cgroups, func(want string) bool {
		want = path.Clean("/" + strings.TrimPrefix(strings.TrimPrefix(want, "/sys/fs/cgroup/unified"), "/sys/fs/cgroup"))
		return a.Cgroup == want || strings.HasPrefix(a.Cgroup, strings.TrimSuffix(want, "/")+"/")
	})
}
