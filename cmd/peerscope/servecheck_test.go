package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/config"
	"peerscope/internal/history"
	"peerscope/internal/metrics"
)

// TestConfigCheckSaysWhatServeWould: each error has a line that begins with file and
// line, and none is right for the one and wrong for the other.
func TestConfigCheckSaysWhatServeWould(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "c.yaml")
	short := filepath.Join(dir, "short")
	writeText(t, short, "x\n")
	for _, test := range []struct {
		text  string
		lines []string // what each begins with, behind the name of the file
	}{
		{"history: {max_age: 1m}\n", []string{":1: history.max_age: 1m: at least 10m"}},
		{"listen: 0.0.0.0:4180\n", []string{`:1: listen: "0.0.0.0:4180": other hosts reach it`}},
		{"auth:\n  token_file: /nonexistent\n", []string{":2: auth.token_file: read token: open /nonexistent: no such file"}},
		{"auth:\n  token_file: " + short + "\n", []string{":2: auth.token_file: read token: " + short + " must have one word of 16 characters or more"}},
		{"auth:\n  basic_auth_file: " + short + "\n", []string{":2: auth.basic_auth_file: read passwords of " + short + ": line 1 is not user:hash"}},
		{"auth:\n  cert_file: /nonexistent\n  key_file: /nonexistent\n", []string{":2: auth.cert_file: read certificate /nonexistent"}},
		{"entities: /nonexistent\n", []string{":1: entities: open entities: open /nonexistent"}},
		{"kubeconfig: /nonexistent\n", []string{":1: kubeconfig: read kubeconfig: stat /nonexistent"}},
		{"filter: to:prot:3\n", []string{`:1: filter: unknown key "prot" at column 4 (did you mean "port"?)`}},
		{"window: 1ms\nfilter: a\nlisten: 4180\n", []string{`:3: listen: "4180": it is host:port`, ":1: window: 1ms"}},
		{"entities: /nonexistent\nfilter: to:prot:3\n", []string{`:2: filter: unknown key "prot"`, ":1: entities: open"}},
		{"exporters:\n  otlp:\n    endpoint: http://a:1\n    ca_file: " + short + "\n", []string{":4: exporters.otlp.ca_file: " + short + " has no certificate"}},
		{"exporters:\n  series:\n    max_edges: 0\n", []string{":3: exporters.series.max_edges: 0: give a number from 1 to 1000000"}},
		{"exporters:\n  series:\n    expire: 1s\n", []string{":3: exporters.series.expire: 1s: give a time from 1m"}},
		{"histroy: {}\nwindwo: 1s\n", []string{`:1: unknown key "histroy"`, `:2: unknown key "windwo"`}},
	} {
		writeText(t, name, test.text)
		for _, args := range [][]string{{"config", "check", "--config", name}, {"serve", "--no-history", "--config", name}} {
			if strings.Contains(test.text, "max_age") && args[0] == "serve" {
				args = []string{"serve", "--config", name, "--history", filepath.Join(dir, "history")}
			}
			var out, said bytes.Buffer
			c := program(args...)
			c.Stdout, c.Stderr = &out, &said
			_ = c.Run()
			lines := strings.Split(strings.TrimSpace(said.String()), "\n")
			ok := len(lines) == len(test.lines) && c.ProcessState.ExitCode() == exitUsage && out.Len() == 0
			for i := range min(len(lines), len(test.lines)) {
				want := test.lines[i]
				if want[0] == ':' {
					want = name + want
				}
				ok = ok && strings.HasPrefix(lines[i], "peerscope: "+want)
			}
			if !ok {
				t.Errorf("%v with %q: exit code %d, on standard output %q, says\n%s\nwant lines that begin with %q", args, test.text,
					c.ProcessState.ExitCode(), out.String(), said.String(), test.lines)
			}
		}
	}
}

// TestLeastAgeIsThatOfTheHistory: the configuration does not know the history.
func TestLeastAgeIsThatOfTheHistory(t *testing.T) {
	l := config.New()
	l.History.MaxAge = config.Duration(config.LeastAge)
	if err := historyOptions(l).Check(); err != nil || config.LeastAge != history.LeastKeep {
		t.Errorf("the least is %v, the history's %v: %v", config.LeastAge, history.LeastKeep, err)
	}
	l.History.MaxAge -= config.Duration(time.Second)
	if historyOptions(l).Check() == nil {
		t.Error("less is right for the history")
	}
}

// TestDefaultsOfMetricsAreThoseOfTheAgent: both are written down, for the agent and
// for programs that have no configuration.
func TestDefaultsOfMetricsAreThoseOfTheAgent(t *testing.T) {
	d := config.Default().Exporters
	if diff := cmp.Diff(metrics.DefaultSeries(), seriesConfig(d.Series)); diff != "" {
		t.Errorf("series (-metrics +agent):\n%s", diff)
	}
	if diff := cmp.Diff(metrics.DefaultPrometheus(), prometheusConfig(d.Prometheus)); diff != "" {
		t.Errorf("prometheus (-metrics +agent):\n%s", diff)
	}
}

func TestErrorsThatWereJoinedHaveALineEach(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b\nc"), errors.New("d")
	for _, test := range []struct {
		err  error
		want []string
	}{
		{a, []string{"a"}},
		{b, []string{"b; c"}},
		{errors.Join(a, b, c), []string{"a", "b; c", "d"}},
		{usage(errors.Join(a, errors.Join(b, usage(c)))), []string{"a", "b; c", "d"}},
		{fmt.Errorf("read: %w", errors.Join(a, c)), []string{"read: a; d"}},
		{fmt.Errorf("%w, and %w", a, c), []string{"a, and d"}},
	} {
		var got []string
		for _, e := range each(test.err) {
			got = append(got, textOf(e))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.err, diff)
		}
	}
}
