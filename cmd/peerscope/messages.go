package main

import (
	"io"

	"github.com/spf13/cobra"
)

// messages is standard error, but for the one line of an error that ends the
// program. It may be told to be quiet.
type messages struct {
	to    io.Writer
	quiet bool
}

func (m *messages) Write(p []byte) (int, error) {
	if m.quiet {
		return len(p), nil
	}
	return m.to.Write(p)
}

// quietFlag lets a command write nothing to standard error but why it failed.
func quietFlag(c *cobra.Command, s streams) {
	if m, ok := s.err.(*messages); ok {
		c.Flags().BoolVarP(&m.quiet, "quiet", "q", false, "nothing on standard error but why it failed")
	}
}
