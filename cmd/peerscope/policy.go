package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"peerscope/internal/filter"
	"peerscope/internal/policy"
	"peerscope/internal/topology"
)

// policyOptions are the flags of policy.
type policyOptions struct {
	selection
	filter *filter.Expr
	format string
}

func newPolicy(s streams) *cobra.Command {
	var o policyOptions
	c := &cobra.Command{
		Use:   "policy [FILTER...]",
		Short: "Suggest rules that allow exactly what was seen",
		Long: "Policy observes like map, then writes rules that allow the edges that were seen: nftables for the\n" +
			"services of this host, or NetworkPolicies for Kubernetes. What is not certain goes into comments. It\n" +
			"changes nothing: read the rules before you load them.",
		Example: "  peerscope policy --for 1h --netns /proc/1/ns/net > input.nft && nft -c -f input.nft\n" +
			"  peerscope policy --from week.rec.zst --format k8s ns:shop",
		Args:              filterArgs(&o.filter),
		ValidArgsFunction: completeFilter,
		RunE:              func(c *cobra.Command, _ []string) error { return o.run(c, s) },
	}
	o.selection.flags(c)
	filterFlag(c)
	quietFlag(c, s)
	c.Flags().Lookup("from").Usage = "a `FILE` with a recording, or a map of -o json, instead of observing this host"
	c.Flags().StringVar(&o.format, "format", "nft", "`RULES`: "+strings.Join(policy.Formats(), ", "))
	_ = c.RegisterFlagCompletionFunc("format", fixed(policy.Formats()))
	return c
}

func (o *policyOptions) run(c *cobra.Command, s streams) error {
	if !slices.Contains(policy.Formats(), o.format) {
		return usage(fmt.Errorf("unknown format %q: it is one of %s", o.format, strings.Join(policy.Formats(), ", ")))
	}
	m, err := o.observed(c, s)
	if err != nil {
		return err
	}
	out, err := policy.Write(applyFilter(o.filter, m, s.err), o.format)
	if err != nil {
		return err
	}
	if _, err := s.out.Write(out); err != nil {
		return fmt.Errorf("write the rules: %w", err)
	}
	return nil
}

func (o *policyOptions) observed(c *cobra.Command, s streams) (*topology.Map, error) {
	if err := o.check(c); err != nil {
		return nil, err
	}
	if o.from == "" {
		return o.mapped(c, newPipeline(), s)
	}
	m, err := readMap(c.Context(), o.from, s.err)
	if err != nil {
		return nil, err
	}
	return o.selected(m, s.err), nil
}
