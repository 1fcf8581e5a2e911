package config

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestFileEnvironmentFlag(t *testing.T) {
	l := New()
	name := filepath.Join(t.TempDir(), "c.yaml")
	text := "# mine\nwindow: 20s\nhistory:\n  max_size: 2GB\n  max_age: 7d\nnamespaces: [a, b]\nexporters:\n  otlp:\n    headers:\n      x-key: v\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.File(name); err != nil {
		t.Fatal(err)
	}
	env := []string{"HOME=/root", "PEERSCOPE_HISTORY__MAX_AGE=3d", "PEERSCOPE_TICK=2s", "PEERSCOPE_HISTORI_DIR=/x"}
	if err := l.Environment(env); err != nil {
		t.Fatal(err)
	}
	if err := l.Flag("tick", "tick", "4s"); err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Window, want.Tick, want.Namespaces = Duration(20*time.Second), Duration(4*time.Second), []string{"a", "b"}
	want.History.MaxSize, want.History.MaxAge = 2e9, Duration(72*time.Hour)
	want.Exporters.OTLP.Headers = map[string]string{"x-key": "v"}
	if diff := cmp.Diff(want, l.Config); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	origins := map[string]string{"window": name + ":2", "history.max_size": name + ":4", "history.max_age": "PEERSCOPE_HISTORY__MAX_AGE",
		"namespaces": name + ":6", "exporters.otlp.headers": name + ":9", "tick": "--tick"}
	if diff := cmp.Diff(origins, l.Origins); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
	if want := []string{"PEERSCOPE_HISTORI_DIR (did you mean PEERSCOPE_HISTORY_DIR?)"}; !cmp.Equal(want, l.Unknown) {
		t.Errorf("unknown variables %q, want %q", l.Unknown, want)
	}
	if err := l.Validate(); err != nil {
		t.Error(err)
	}
}

// TestErrors: each says file, line and how to mend it, and nothing is taken of
// a file with an error.
func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"window: 20s\nhistroy:\n  dir: /x\n":           `c.yaml:2: unknown key "histroy", did you mean "history"?`,
		"history:\n  max_sise: 1GB\n":                  `c.yaml:2: unknown key "max_sise" below history, did you mean "max_size"?`,
		"max_size: 1GB\n":                              `c.yaml:1: unknown key "max_size", did you mean history.max_size?`,
		"\n\nwindow: soon\n":                           `c.yaml:3: window: "soon": it is a duration, as 10s, 1h30m or 30d`,
		"source: ebfp\n":                               `c.yaml:1: source: "ebfp": did you mean "ebpf"?`,
		"pprof: perhaps\n":                             `c.yaml:1: pprof: "perhaps": it is true or false`,
		"history: on\n":                                `c.yaml:1: history has keys below it, each on a line of its own`,
		"listen: [a]\n":                                `c.yaml:1: listen is one value`,
		"window: 10s\nwindow: 20s\n":                   `c.yaml:2: "window" is there twice, first on line 1`,
		"window: 'a\n":                                 `c.yaml:2: found unexpected end of stream`,
		"- a\n":                                        `c.yaml:1: the file has keys below it, each on a line of its own`,
		"exporters:\n  series:\n    max_edges: -1\n":   `c.yaml:3: exporters.series.max_edges: "-1": it is a whole number, not negative`,
		"exporters:\n  otlp:\n    headers: a\n":        `c.yaml:3: exporters.otlp.headers is written as keys and values, each on a line of its own`,
		"history.dir: /x\n":                            `c.yaml:1: unknown key "history.dir": keys are written one below the other`,
		"history:\n  max_size: lots\n  max_age: -1d\n": "c.yaml:2: history.max_size: \"lots\": it is a size in bytes, as 500MiB or 2GB\nc.yaml:3: history.max_age:",
	} {
		l := New()
		err := l.Parse("c.yaml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q\n got %v\nwant %s", text, err, want)
		}
		if !reflect.DeepEqual(l, New()) {
			t.Errorf("%q changed the configuration although it is wrong", text)
		}
	}
}

// TestValidate: each thing that is wrong has a line, which begins with where it was
// set.
func TestValidate(t *testing.T) {
	for text, want := range map[string]string{
		"listen: 4180\n":                           `c.yaml:1: listen: "4180": it is host:port, as 127.0.0.1:4180`,
		"listen: web:80\n":                         `c.yaml:1: listen: "web:80": the host is an address, or localhost`,
		"listen: 0.0.0.0:80\n":                     `c.yaml:1: listen: "0.0.0.0:80": other hosts reach it, and nobody is asked who he is: set auth.token_file, `,
		"\nlisten: ':80'\n":                        `c.yaml:2: listen: ":80": other hosts reach it`,
		"window: 10ms\n":                           `c.yaml:1: window: 10ms: it is whole seconds, from 1s to 1h`,
		"window: 10s\ntick: 3s\n":                  `c.yaml:2: tick: 3s: it is at least 1s, and the window (10s) is a multiple of it`,
		"history:\n  max_size: 10\n":               `c.yaml:2: history.max_size: 10: at least 1MiB; to remember nothing: history.enabled: false`,
		"history:\n  max_age: 1m\n":                `c.yaml:2: history.max_age: 1m: at least 10m; to remember nothing: history.enabled: false`,
		"auth:\n  cert_file: /x\n":                 `c.yaml:2: auth.cert_file: the certificate and its key belong together; auth.key_file is not set`,
		"auth:\n\n  key_file: /x\n":                `c.yaml:3: auth.key_file: the certificate and its key belong together; auth.cert_file is not set`,
		"window: 10ms\nlisten: web\n":              "c.yaml:2: listen: \"web\": it is host:port, as 127.0.0.1:4180\nc.yaml:1: window: 10ms: it is whole seconds, from 1s to 1h",
		"exporters:\n  otlp:\n    endpoint: a:1\n": `c.yaml:3: exporters.otlp.endpoint: "a:1": it is a URL, as http://collector:4318`,
	} {
		l := New()
		if err := l.Parse("c.yaml", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := l.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q\n got %v\nwant %s", text, err, want)
		}
	}
	l := New()
	if err := errors.Join(l.Flag("tick", "tick", "3s"), l.Environment([]string{"PEERSCOPE_HISTORY_MAX_AGE=1s"})); err != nil {
		t.Fatal(err)
	}
	want := "tick: 3s: it is at least 1s, and the window (10s) is a multiple of it (set by --tick)\n" +
		"history.max_age: 1s: at least 10m; to remember nothing: history.enabled: false (set by PEERSCOPE_HISTORY_MAX_AGE)"
	if err := l.Validate(); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// TestValidateTakesWhatServes: these look like the ones above, and are right.
func TestValidateTakesWhatServes(t *testing.T) {
	for _, text := range []string{
		"listen: '[::1]:80'\n", "listen: localhost:80\n", "listen: 127.0.0.9:0\n",
		"listen: 0.0.0.0:80\ninsecure_listen: true\n",
		"listen: ':80'\nauth: {token_file: /t}\n",
		"listen: ':80'\nauth: {basic_auth_file: /t}\n",
		"listen: ':80'\nauth: {client_ca_file: /t, cert_file: /c, key_file: /k}\n",
		"history: {max_age: 10m}\n", "history: {max_age: 1s, enabled: false}\n",
	} {
		l := New()
		if err := errors.Join(l.Parse("c.yaml", []byte(text)), l.Validate()); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestShowGivesItAgain: what is shown, with its comments, reads as the same.
func TestShowGivesItAgain(t *testing.T) {
	l := New()
	if err := l.Parse("c.yaml", []byte("listen: '[::1]:80'\nhosts: [map.example]\nnamespaces: [a, \"b: c\"]\nfilter: \"nginx # or not\"\nhistory: {max_age: 36h}\n")); err != nil {
		t.Fatal(err)
	}
	for _, with := range []bool{false, true} {
		var b bytes.Buffer
		if err := l.Show(&b, with, with); err != nil {
			t.Fatal(err)
		}
		again := New()
		if err := again.Parse("shown", b.Bytes()); err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		if diff := cmp.Diff(l.clone(), again.clone()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestShowHidesSecrets(t *testing.T) {
	l := New()
	if err := l.Parse("c.yaml", []byte("exporters: {otlp: {headers: {authorization: Bearer hunter2}}}\n")); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := l.Show(&b, true, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter2") || !strings.Contains(b.String(), "authorization") {
		t.Errorf("shown:\n%s", b.String())
	}
}

// TestGenerated: the schema for editors and the commented file of the packages
// say what the program does.
func TestGenerated(t *testing.T) {
	var sample bytes.Buffer
	sample.WriteString("# What `peerscope serve` does where nothing else is said.\n\n")
	if err := New().Show(&sample, true, false); err != nil {
		t.Fatal(err)
	}
	editors, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"../../docs/config.schema.json": editors, "../../packaging/config.yaml": sample.Bytes()} {
		if *update {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not what the program does; make update (-want +got):\n%s", name, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("window: 20s\nhistory: {max_size: 1GB}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("history: &h\n  dir: x\nauth: *h\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := New()
		if err := l.Parse("f", data); err != nil {
			if !reflect.DeepEqual(l, New()) {
				t.Error("changed by a file with an error")
			}
			return
		}
		_ = l.Validate()
		var b bytes.Buffer
		if err := l.Show(&b, true, true); err != nil {
			t.Fatal(err)
		}
		again := New()
		if err := again.Parse("shown", b.Bytes()); err != nil {
			t.Fatalf("what is shown does not read again: %v\n%s", err, b.String())
		}
	})
}

func FuzzValues(f *testing.F) {
	f.Add("1h30m")
	f.Add("30d")
	f.Add("500MiB")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := ParseDuration(s); err == nil {
			if again, err := ParseDuration(d.String()); err != nil || again != d || d < 0 {
				t.Errorf("%q is %v, then %v, %v", s, d, again, err)
			}
		}
		if n, err := ParseSize(s); err == nil {
			if again, err := ParseSize(n.String()); err != nil || again != n || n < 0 {
				t.Errorf("%q is %v, then %v, %v", s, n, again, err)
			}
		}
	})
}
