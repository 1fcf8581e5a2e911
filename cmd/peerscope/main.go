// Command peerscope maps which process talks to which: who called whom, over
// what, and how well.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes of every command.
const (
	exitDone      = 0
	exitFailed    = 1  // it could not be done; one line on standard error says why
	exitUsage     = 2  // the arguments are wrong
	exitPrivilege = 3  // a privilege is missing for what was asked explicitly
	exitKernel    = 4  // the kernel cannot
	exitDifferent = 10 // diff --exit-code found differences; nothing is said
)

// exitError is an error that ends the program with a code of its own. Without
// err there is nothing to say: the output says it all.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}
func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error { return &exitError{exitUsage, err} }

func main() {
	// A reader that goes away shows as an error of the write, so that it can be
	// said in words.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// streams are the three standard streams of one run.
type streams struct {
	out, err io.Writer
}

func run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(streams{stdout, &messages{to: stderr}})
	root.SetArgs(timesAsArguments(args))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	for _, e := range each(err) {
		if text := textOf(e); text != "" {
			fmt.Fprintf(stderr, "peerscope: %s\n", text)
		}
	}
	var e *exitError
	if errors.As(err, &e) {
		return e.code
	}
	return exitFailed
}

// oneLine is an error in one line.
func oneLine(err error) string {
	var texts []string
	for _, e := range each(err) {
		texts = append(texts, textOf(e))
	}
	return strings.Join(texts, "; ")
}

// textOf has no line end, and a closed pipe in plain words.
func textOf(err error) string {
	if errors.Is(err, syscall.EPIPE) {
		return "the reader of the output went away before everything was written"
	}
	return strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
}

// each are the errors that were joined to one, as those of a configuration.
func each(err error) []error {
	if e, ok := err.(*exitError); ok && e.err != nil {
		return each(e.err)
	}
	list, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(list.Unwrap()...).Error() != err.Error() {
		return []error{err} // one, or some with a text around them
	}
	var out []error
	for _, e := range list.Unwrap() {
		out = append(out, each(e)...)
	}
	return out
}

func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "peerscope",
		Short: "Which process talks to which, who called whom, over what, and how well",
		Long: "Peerscope shows which process talks to which process on this host: who called whom,\n" +
			"over what, how much, and on what evidence. It changes nothing in the programs it observes.\n" +
			"Without a command it shows this live (top); where there is no terminal it prints one map.",
		Example: "  sudo peerscope                    # live, in the terminal\n" +
			"  sudo peerscope map                # ten seconds, as a tree\n" +
			"  sudo peerscope explain nginx      # who talks to it, and how that is known\n" +
			"  sudo peerscope serve              # all day, with history, web map and metrics\n" +
			"  peerscope doctor                  # what this host allows",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
	}
	live, once := newTop(s), newMap(s)
	root.RunE = func(c *cobra.Command, _ []string) error { return plain(c, s, live, once) }
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(flagError)
	for _, g := range [...]struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"now", "What is now:", []*cobra.Command{live, once, newWatch(s), newExplain(s), newPolicy(s)}},
		{"then", "What was:", []*cobra.Command{newServe(s), newHistory(s), newRecord(s), newDiff(s)}},
		{"else", "The program itself:", []*cobra.Command{newDoctor(s), newConfig(s), newVersion(s)}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			root.AddCommand(c)
		}
	}
	root.SetHelpCommandGroupID("else")
	root.SetCompletionCommandGroupID("else")
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = false
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" { // else it takes any word and succeeds
			c.Args, c.RunE = noArgs, func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
	root.SetHelpCommand(newHelp(root))
	return root
}

// newHelp is help, which refuses words that are no commands.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		GroupID: "else",
		Short:   "Say what a command does and which flags it takes",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return noArgs(c, rest)
			}
			return c.Help()
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if c, _, err := root.Find(args); err == nil {
				for _, sub := range c.Commands() {
					names = append(names, sub.Name())
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// plain is the program without a command: the live view on a terminal, else one
// map.
func plain(c *cobra.Command, s streams, live, once *cobra.Command) error {
	next := once
	if isTerminal(s.out) && isTerminal(os.Stdin) && os.Getenv("TERM") != "dumb" {
		next = live
	}
	next.SetContext(c.Context())
	if err := next.Args(next, nil); err != nil {
		return err
	}
	return next.RunE(next, nil)
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasSubCommands() {
		text := fmt.Sprintf("unknown command %q", args[0])
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			text += fmt.Sprintf("; did you mean %q?", near[0])
		}
		return usage(fmt.Errorf("%s; see: %s --help", text, c.CommandPath()))
	}
	return usage(fmt.Errorf("%s takes no argument, but got %q; see: %s --help", c.CommandPath(), args[0], c.CommandPath()))
}
