package e2e

import (
	"cmp"
	"errors"
	"flag"
	"os"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"
)

var (
	sourceFlag = flag.String("source", os.Getenv("PEERSCOPE_SOURCE"), "sources that the tool uses, separated by commas")
	updateDocs = flag.Bool("update-docs", false, "rewrite the tables of docs/LAB.md")
)

// atOnce bounds how many scenarios run at the same time.
const atOnce = 4

// scenarios are all of the lab.
func scenarios() []Scenario {
	return slices.Concat(loopbackScenarios(), natScenarios(), serverScenarios(), handScenarios(), addressScenarios(),
		shortScenarios(), endingScenarios(), failureScenarios(), handshakeScenarios(), moveScenarios(), namespaceScenarios(),
		meshScenarios(), proxyProgramScenarios(), udpScenarios(), unixScenarios(), loadScenarios(), programScenarios())
}

// TestLab lets every scenario play with every source and judges the tool's maps:
// TestLab/SOURCE/SCENARIO.
func TestLab(t *testing.T) {
	if testing.Short() {
		t.Skip("the lab takes minutes")
	}
	sources, err := sourcesOf(*sourceFlag)
	if err != nil {
		t.Fatal(err)
	}
	var bench *Bench
	if os.Geteuid() == 0 {
		sweep(t)
		bench = newBench(t)
	}
	for _, source := range sources {
		t.Run(source, func(t *testing.T) {
			if bench == nil {
				for _, s := range scenarios() {
					t.Run(s.Name, func(t *testing.T) { skip(t, "the lab makes network namespaces, which takes root") })
				}
				return
			}
			bench.offers(t, source)
			report(t, source, bench.play(t, source))
		})
	}
}

// play runs the scenarios, those first that may share the machine.
func (b *Bench) play(t *testing.T, source string) []Score {
	var mu sync.Mutex
	var scores []Score
	run := func(s Scenario) {
		t.Run(s.Name, func(t *testing.T) {
			score, judged := b.run(t, source, s)
			if !judged {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			scores = append(scores, score)
		})
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, s := range scenarios() {
		if !s.Alone {
			group.Go(func() error { run(s); return nil })
		}
	}
	_ = group.Wait()
	for _, s := range scenarios() {
		if s.Alone {
			run(s)
		}
	}
	return scores
}

// report prints the table in the order of the scenarios.
func report(t *testing.T, source string, scores []Score) {
	place := map[string]int{}
	for i, s := range scenarios() {
		place[s.Name] = i
	}
	slices.SortFunc(scores, func(a, b Score) int { return cmp.Compare(place[a.Scenario], place[b.Scenario]) })
	if len(scores) == 0 {
		return
	}
	sum := total(scores)
	text := table(append(scores, sum))
	t.Logf("source %s\n%s", source, text)
	t.Logf("evidence of peers: %v", sum.Evidence)
	if !*updateDocs {
		return
	}
	blind := slices.ContainsFunc(scores, func(s Score) bool { return s.Blind })
	if len(scores) != len(scenarios()) || t.Failed() || blind {
		t.Errorf("docs/LAB.md is left as it is: %d of %d scenarios played, looks too far apart: %v", len(scores), len(scenarios()), blind)
		return
	}
	if err := errors.Join(rewrite("scenarios", listing(scenarios())), rewrite(source, text)); err != nil {
		t.Error(err)
	}
}
