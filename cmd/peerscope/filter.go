package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"peerscope/internal/filter"
	"peerscope/internal/topology"
)

// filterFlag lets the filter also be given by a flag, as explain and serve take it.
func filterFlag(c *cobra.Command) {
	c.Flags().String("filter", "", "only edges that match `FILTER`, as the arguments do")
	_ = c.RegisterFlagCompletionFunc("filter", completeFilter)
}

// filterArgs reads the arguments of a command, and its flag, as one expression,
// before anything is observed.
func filterArgs(into **filter.Expr) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		both := ""
		for _, text := range []string{strings.Join(args, " "), flagValue(c, "filter")} {
			e, err := filter.Parse(text)
			switch {
			case err != nil:
				return usage(err)
			case e.Empty():
			case both == "":
				both = text
			default:
				both = "(" + both + ") (" + text + ")"
			}
		}
		e, err := filter.Parse(both)
		if err != nil {
			return usage(err)
		}
		*into = e
		return nil
	}
}

// flagValue is what a flag has as text; "" if the command does not take it.
func flagValue(c *cobra.Command, name string) string {
	if f := c.Flags().Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

// completeFilter offers the keys of the language for the word that was begun.
func completeFilter(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	// An argument may hold several words.
	at := strings.LastIndexAny(begun, " (|") + 1
	var offers []string
	for _, o := range filter.Complete(begun[at:]) {
		offers = append(offers, begun[:at]+o)
	}
	return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// applyFilter keeps the edges that match, and says in a line each what the
// filter asks for in vain and what hides everything.
func applyFilter(e *filter.Expr, m *topology.Map, stderr io.Writer) *topology.Map {
	if e.Empty() {
		return m
	}
	if keys := e.Absent(); len(keys) > 0 {
		fmt.Fprintf(stderr, "peerscope: filter: this version does not know the values of %s, so no comparison with them holds\n", strings.Join(keys, ", "))
	}
	out := e.Select(m)
	if len(out.Edges) > 0 || len(m.Edges) == 0 {
		return out
	}
	text := fmt.Sprintf("0 of %d edges match %s", len(m.Edges), e)
	if part, left := e.Blame(m); left > 0 {
		text += fmt.Sprintf("; without [%s] there would be %d", part, left)
	} else {
		text += "; no single part of it hides them all"
	}
	fmt.Fprintf(stderr, "peerscope: %s\n", text)
	return out
}
