package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSourcesOf(t *testing.T) {
	for _, tt := range []struct {
		list string
		want []string
	}{
		{"", defaultSources()},
		{"netlink", []string{SourceNetlink}},
		{"ebpf,netlink", []string{SourceEBPF, SourceNetlink}},
		{"auto", nil},
		{"ebpf,", nil},
	} {
		got, err := sourcesOf(tt.list)
		if !slices.Equal(got, tt.want) || (err != nil) != (tt.want == nil) {
			t.Errorf("%q: %v, %v, want %v", tt.list, got, err, tt.want)
		}
	}
}

// A tool that cannot use a source is no failure, one that breaks is.
func TestOffers(t *testing.T) {
	if os.Geteuid() != 0 {
		skip(t, "the tool is asked about a network namespace, which takes root")
	}
	t.Setenv(requirePrivileged, "")
	for code, skipped := range map[string]bool{"0": false, "3": true, "4": true} {
		t.Run("exit code "+code, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tool")
			if err := os.WriteFile(path, []byte("#!/bin/sh\necho first >&2\necho why not >&2\nexit "+code+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			why := (&Bench{Tool: path}).unable(t, SourceEBPF)
			want := ""
			if skipped {
				want = "exit code " + code + ": why not"
			}
			if why != want {
				t.Errorf("got %q, want %q", why, want)
			}
		})
	}
}

func TestParseCounter(t *testing.T) {
	const text = "TcpExt: SyncookiesSent SyncookiesRecv\nTcpExt: 7 12\nIpExt: InNoRoutes\nIpExt: 3\n"
	if n, err := parseCounter(text, "TcpExt", "SyncookiesRecv"); err != nil || n != 12 {
		t.Errorf("got %d, %v, want 12", n, err)
	}
	if n, err := parseCounter(text, "IpExt", "InNoRoutes"); err != nil || n != 3 {
		t.Errorf("got %d, %v, want 3", n, err)
	}
	for _, name := range []string{"InNoRoutes", ""} {
		if _, err := parseCounter(text, "TcpExt", name); err == nil {
			t.Errorf("counter %q is no error", name)
		}
	}
}
