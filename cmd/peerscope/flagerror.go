package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"peerscope/internal/spelling"
)

// flagError says what is wrong with a flag in the words of people, and which one
// was probably meant.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	text := err.Error()
	switch {
	case errors.As(err, &unknown):
		text = unknownFlag(c, unknown)
	case errors.As(err, &missing):
		text = fmt.Sprintf("--%s needs a value: %s", missing.GetFlag().Name, strings.ReplaceAll(missing.GetFlag().Usage, "`", ""))
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		if form := valueForm(f.Value.Type()); form != "" {
			text = fmt.Sprintf("--%s %q: it is %s", f.Name, invalid.GetValue(), form)
		}
	}
	return usage(fmt.Errorf("%s; see: %s --help", text, c.CommandPath()))
}

// valueForm is how values of a type are written; "" of what every text is.
func valueForm(kind string) string {
	switch kind {
	case "duration":
		return "a duration, as 500ms, 10s or 1m30s"
	case "intSlice", "int":
		return "a number, or several as 812,913"
	case "float64":
		return "a number, as 2 or 0.5"
	case "bool":
		return "true or false"
	}
	return ""
}

func unknownFlag(c *cobra.Command, e *pflag.NotExistError) string {
	name := e.GetSpecifiedName()
	short := e.GetSpecifiedShortnames() != ""
	typed := "--" + name
	if short {
		typed = "-" + name
	}
	if short && name >= "0" && name <= "9" {
		typed = "-" + e.GetSpecifiedShortnames()
		return fmt.Sprintf("%q is neither a flag nor a time; %s", typed, whenForms)
	}
	if why := elsewhere(name); why != "" {
		return fmt.Sprintf("unknown flag: %s (%s)", typed, why)
	}
	if short {
		return "unknown flag: " + typed
	}
	if near := spelling.Nearest(name, flagNames(c)); near != "" {
		return fmt.Sprintf("unknown flag: %s, did you mean --%s?", typed, near)
	}
	if of := commandsWith(c.Root(), name); len(of) > 0 {
		return fmt.Sprintf("unknown flag: %s, which is one of %s", typed, strings.Join(of, ", "))
	}
	return "unknown flag: " + typed
}

// elsewhere says of flags that people know from other tools what there is in
// their place; "" of all others.
func elsewhere(name string) string {
	switch name {
	case "n", "no-dns", "numeric":
		return "no name server is ever asked; d in top shows addresses"
	case "redact":
		return "secrets in command lines are always replaced"
	case "q", "quiet":
		return "messages go to standard error, and can be sent elsewhere: 2>/dev/null"
	case "v", "verbose", "debug":
		return "peerscope doctor says what is used; serve has --log-level debug"
	case "V", "version":
		return "it is a command: peerscope version"
	case "color", "colour":
		return "there are colours on a terminal; --no-color leaves them out"
	case "json":
		return "it is -o json"
	case "i", "interface":
		return "connections are seen whatever way they take; --netns chooses a network namespace"
	case "p":
		return "it is --pid"
	}
	return ""
}

// flagNames are the flags that a command takes.
func flagNames(c *cobra.Command) []string {
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}

// commandsWith are the commands below one that take a flag.
func commandsWith(c *cobra.Command, flag string) []string {
	var out []string
	for _, sub := range c.Commands() {
		if sub.Flags().Lookup(flag) != nil || sub.PersistentFlags().Lookup(flag) != nil {
			out = append(out, sub.CommandPath())
		}
		out = append(out, commandsWith(sub, flag)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
