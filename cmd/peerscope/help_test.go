package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
)

// TestHelpReadsWell: each command says in a line what it is for, its examples are
// of it and have flags that it takes, and each flag says what its value is.
func TestHelpReadsWell(t *testing.T) {
	var out bytes.Buffer
	root := newRoot(streams{&out, &messages{to: &out}})
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "completion" || c.Name() == "help" {
			return
		}
		path := c.CommandPath()
		if r := []rune(c.Short); len(r) == 0 || len(r) > 90 || !unicode.IsUpper(r[0]) || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s is for %q: want one short line without a full stop", path, c.Short)
		}
		if !c.HasSubCommands() && c.Example == "" && c.Name() != "version" {
			t.Errorf("%s has no example", path)
		}
		if c.Parent() == root && c.GroupID == "" {
			t.Errorf("%s is in no group", path)
		}
		for line := range strings.Lines(c.Example) {
			checkExample(t, root, path, strings.TrimSpace(line))
		}
		usages := c.LocalFlags().FlagUsages()
		for _, kind := range []string{"stringArray", " ints ", " float "} {
			if strings.Contains(usages, kind) && c.Name() != "serve" { // its flags are those of the configuration
				t.Errorf("%s: the value of a flag is called %q:\n%s", path, kind, usages)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

// checkExample: the command of a line exists, and takes its flags.
func checkExample(t *testing.T, root *cobra.Command, path, line string) {
	t.Helper()
	command, _, _ := strings.Cut(line, "#")
	for _, end := range []string{"|", ">", "&&", "<"} {
		command, _, _ = strings.Cut(command, end)
	}
	words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(command), "sudo "))
	if len(words) == 0 || words[0] != "peerscope" {
		t.Errorf("%s: the example %q is of another program", path, line)
		return
	}
	c, rest, err := root.Find(timesAsArguments(words[1:]))
	if err != nil {
		t.Errorf("%s: the example %q: %v", path, line, err)
		return
	}
	if err := c.ParseFlags(rest); err != nil {
		t.Errorf("%s: the example %q: %v", path, line, err)
	}
}
