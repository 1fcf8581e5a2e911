package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"peerscope/internal/filter"
	"peerscope/internal/topology"
)

// filterArgs reads the arguments of a command as one expression, before anything
// is observed.
func filterArgs(into **filter.Expr) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		e, err := filter.Parse(strings.Join(args, " "))
		if err != nil {
			return usage(err)
		}
		*into = e
		return nil
	}
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
