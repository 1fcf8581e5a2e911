package main

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the maps expected of testdata/worlds")

// TestWorlds replays the small worlds and compares their maps to the byte: as
// they are written, with their lines in any order, and told twice.
func TestWorlds(t *testing.T) {
	worlds, err := filepath.Glob("../../testdata/worlds/*.jsonl")
	if err != nil || len(worlds) < 10 {
		t.Fatalf("%d worlds: %v", len(worlds), err)
	}
	for _, file := range worlds {
		name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		t.Run(name, func(t *testing.T) {
			world, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".jsonl") + ".map.json"
			got := replayed(t, world)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(got)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			header, lines, _ := strings.Cut(strings.TrimSpace(string(world)), "\n")
			r := rand.New(rand.NewPCG(1, 2))
			for range 5 {
				told := strings.Split(lines, "\n")
				told = append(told, told[r.IntN(len(told)):]...)
				r.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
				shuffled := header + "\n" + strings.Join(told, "\n") + "\n"
				if d := cmp.Diff(string(want), string(replayed(t, []byte(shuffled)))); d != "" {
					t.Fatalf("in another order (-want +got):\n%s", d)
				}
			}
		})
	}
}

// replayed is the map of a recording, by the program itself.
func replayed(t *testing.T, recording []byte) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "world")
	if err := os.WriteFile(file, recording, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := run([]string{"map", "--from", file, "-o", "json"}, nil, &out, &errs); code != 0 || errs.Len() > 0 {
		t.Fatalf("exit code %d, standard error: %s", code, errs.String())
	}
	return out.Bytes()
}
