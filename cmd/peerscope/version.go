package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker in a release; else the build tells.
var version = ""

type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func readBuild() build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func newVersion(s streams) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			b := readBuild()
			switch format {
			case "text":
				_, err := fmt.Fprintf(s.out, "peerscope %s %s %s\n", b.Version, b.Go, b.Platform)
				return err
			case "json":
				e := json.NewEncoder(s.out)
				e.SetIndent("", "  ")
				return e.Encode(b)
			}
			return usage(fmt.Errorf("unknown output %q: it is text or json", format))
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "text", "text or json")
	return c
}
