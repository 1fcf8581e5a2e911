package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"peerscope/internal/flow"
	"peerscope/internal/recording"
)

type recordOptions struct {
	observation
	file string
}

func newRecord(s streams) *cobra.Command {
	var o recordOptions
	c := &cobra.Command{
		Use:   "record -w FILE",
		Short: "Observe for a while and write down what was seen, to be replayed with --from",
		Long: "Writes what the sources say, not what it means: a replay decides anew, without root, on any machine.\n" +
			"No payload is recorded, and secrets in command lines are replaced before they are written.\n" +
			"A file that ends in .zst is compressed; - writes to standard output.",
		Example: "  peerscope record -w incident.rec.zst --for 5m\n" +
			"  peerscope record -w - --netns shop | ssh me@laptop 'cat > incident.rec'",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c, s) },
	}
	o.observation.flags(c)
	quietFlag(c, s)
	c.Flags().StringVarP(&o.file, "write", "w", "", "the `FILE` to write (required)")
	_ = c.MarkFlagFilename("write")
	return c
}

func (o *recordOptions) run(c *cobra.Command, s streams) error {
	if o.file == "" {
		return usage(errors.New("where to? give -w FILE"))
	}
	if o.length < 0 {
		return usage(fmt.Errorf("--for %v: the time cannot be negative", o.length))
	}
	if err := o.check(); err != nil {
		return err
	}
	var out io.Writer = s.out
	if o.file != "-" {
		f, err := os.OpenFile(o.file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("create recording: %w", err)
		}
		defer f.Close()
		out = f
	}
	w, err := recording.NewWriter(out, recording.Options{Compress: strings.HasSuffix(o.file, ".zst"),
		Tool: "peerscope " + readBuild().Version, Created: time.Now()})
	if err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	// In windows: one that is cut off is good to the last of them.
	o.boundary = liveOptions{}.withDefaults().boundary
	ctx, stop := context.WithCancel(c.Context())
	defer stop()
	var failed error
	flushed := time.Now()
	err = observe(ctx, o.observation, func(ob flow.Observation) {
		if failed == nil {
			if failed = w.Write(ob); failed != nil {
				stop() // no use in observing what cannot be kept
			}
		}
		// A recording that is killed can be replayed up to its last second.
		if _, begins := ob.(*flow.Window); failed == nil && (begins || time.Since(flushed) > time.Second) {
			failed, flushed = w.Flush(), time.Now()
		}
	}, newProgress(s.err))
	if closed := w.Close(); failed == nil {
		failed = closed
	}
	if failed != nil {
		return fmt.Errorf("write recording %s: %w (what was written before can be replayed)", o.file, failed)
	}
	return err
}
