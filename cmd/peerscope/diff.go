package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"peerscope/internal/export"
	"peerscope/internal/recording"
	"peerscope/internal/topology"
)

func newDiff(s streams) *cobra.Command {
	var format string
	var exitCode bool
	var p past
	var look look
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two maps, recordings or times: which edges are new, gone or changed",
		Long: "Diff compares two recordings, maps of 'peerscope map -o json' or times of what serve remembers, the\n" +
			"earlier one first. Programs are compared by what they run and where, not by pid, so that a restart\n" +
			"is no difference. A time is one that is no file: -1h, 12:01, -2h..-1h, now.",
		Example: "  peerscope diff before.rec.zst after.rec.zst\n" +
			"  peerscope diff expected.json now.json --exit-code\n" +
			"  peerscope diff -2h..-1h now           # the hour before the last one, and the last one",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(fmt.Errorf("diff takes two files or times, but got %d; see: peerscope diff --help", len(args)))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usage(fmt.Errorf("unknown output %q: it is text or json", format))
			}
			d, err := difference(c.Context(), &p, args[0], args[1], s.err)
			if err != nil {
				return err
			}
			var b bytes.Buffer
			if format == "json" {
				err = export.DiffJSON(&b, d)
			} else {
				style := look.style(s.out)
				style.Width = 0
				err = export.DiffText(&b, d, style)
			}
			if err != nil {
				return err
			}
			if _, err := s.out.Write(b.Bytes()); err != nil {
				return fmt.Errorf("write the difference: %w", err)
			}
			if exitCode && !d.Empty() {
				return &exitError{code: exitDifferent}
			}
			return nil
		},
	}
	p.flags(c)
	look.flags(c)
	quietFlag(c, s)
	c.Flags().DurationVar(&p.window, "window", 0, fmt.Sprintf("how long a time is that has no end (default as long as the other one, else %v)", lookWindow))
	c.Flags().StringVarP(&format, "output", "o", "text", "`FORMAT`: text or json")
	c.Flags().BoolVar(&exitCode, "exit-code", false, fmt.Sprintf("exit with code %d if something is different", exitDifferent))
	return c
}

func difference(ctx context.Context, p *past, before, after string, stderr io.Writer) (*topology.Difference, error) {
	if p.window < 0 {
		return nil, usage(fmt.Errorf("--window %v: the time cannot be negative", p.window))
	}
	times, err := p.times(before, after)
	if err != nil {
		return nil, err
	}
	var maps [2]*topology.Map
	for i, name := range [...]string{before, after} {
		if times[i] != nil {
			maps[i], err = p.at(ctx, *times[i], stderr)
		} else {
			maps[i], err = readMap(ctx, name, stderr)
		}
		if err != nil {
			return nil, err
		}
	}
	a, b := maps[0], maps[1]
	if a.Host.ID != b.Host.ID || a.Host.Name != b.Host.Name {
		fmt.Fprintf(stderr, "peerscope: the maps are of two hosts, %q and %q: programs are compared as if it were one\n", a.Host.Name, b.Host.Name)
	}
	if x, y := grouping(a), grouping(b); x != y {
		fmt.Fprintf(stderr, "peerscope: the maps are grouped by %s and %s: groups of one level are not found at the other\n", x, y)
	}
	return topology.Diff(a, b), nil
}

// grouping is by what a map is grouped.
func grouping(m *topology.Map) string {
	for i := range m.Nodes {
		if m.Nodes[i].Kind == topology.KindGroup {
			level, _, _ := strings.Cut(m.Nodes[i].ID, ":")
			return level
		}
	}
	return "process"
}

// readMap reads a map, or replays a recording to one; what the file is it tells
// by itself, whatever its name is.
func readMap(ctx context.Context, name string, stderr io.Writer) (*topology.Map, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	start, err := in.Peek(64 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", name, unwrapPath(err))
	}
	if looksLikeMap(start) {
		m, err := topology.Read(in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return m, nil
	}
	m, err := replayJoined(ctx, newPipeline(), in, name, stderr)
	if errors.Is(err, recording.ErrNotRecording) {
		return nil, fmt.Errorf("%s: this is neither a recording nor a map: give what peerscope record -w or peerscope map -o json wrote", name)
	}
	return m, err
}

// looksLikeMap: a JSON object whose first line is not the header of a recording.
func looksLikeMap(start []byte) bool {
	start = bytes.TrimLeft(start, " \t\r\n")
	if len(start) == 0 || start[0] != '{' {
		return false
	}
	line, _, _ := bytes.Cut(start, []byte("\n"))
	return json.Unmarshal(line, &struct{}{}) != nil && !bytes.HasPrefix(line, []byte(`{"format"`)) || bytes.Contains(line, []byte(`"schema"`))
}
