package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peerscope/internal/topology"
)

var update = flag.Bool("update", false, "rewrite the maps expected of testdata/worlds")

// eachWorld gives every small world to answer and compares the answer to the byte
// with the file beside it: as the world is written, with its lines in any order,
// and told twice.
func eachWorld(t *testing.T, suffix string, orders int, answer func(t *testing.T, world []byte) []byte) {
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
			golden := strings.TrimSuffix(file, ".jsonl") + suffix
			got := answer(t, world)
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
			for range orders {
				told := strings.Split(lines, "\n")
				told = append(told, told[r.IntN(len(told)):]...)
				r.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
				shuffled := header + "\n" + strings.Join(told, "\n") + "\n"
				if d := cmp.Diff(string(want), string(answer(t, []byte(shuffled)))); d != "" {
					t.Fatalf("in another order (-want +got):\n%s", d)
				}
			}
		})
	}
}

// TestWorlds compares the maps of the small worlds.
func TestWorlds(t *testing.T) { eachWorld(t, ".map.json", 5, replayed) }

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

// TestLogicalOfAWorld: what goes through two sidecars stands beside the edges, which
// stay as they are.
func TestLogicalOfAWorld(t *testing.T) {
	const world = "../../testdata/worlds/through-proxies.jsonl"
	read := func(args ...string) topology.Map {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(append([]string{"map", "--from", world, "-o", "json"}, args...), nil, &out, &errs); code != 0 || errs.Len() > 0 {
			t.Fatalf("exit code %d, standard error: %s", code, errs.String())
		}
		var m topology.Map
		if err := json.Unmarshal(out.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	plain, m := read(), read("--logical")
	if d := cmp.Diff(plain.Edges, m.Edges, cmpopts.IgnoreUnexported(topology.Edge{})); d != "" || plain.Logical != nil {
		t.Errorf("edges (-without +with):\n%s", d)
	}
	var got []string
	for _, l := range m.Logical {
		got = append(got, fmt.Sprintln(l.Client, l.Server, l.ServerPort, l.Via, l.Dialed, l.Evidence.Pairing, l.Connections))
	}
	slices.Sort(got)
	const rest = " process:21@210 8080 [process:12@120 process:22@220] [10.96.0.7:80] map[timing:1] {1 1 0}\n"
	if d := cmp.Diff([]string{"process:11@110" + rest, "process:13@130" + rest}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
