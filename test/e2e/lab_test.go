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
	sourceFlag = flag.String("source", cmp.Or(os.Getenv("PEERSCOPE_SOURCE"), SourceNetlink), "source that the tool uses")
	updateDocs = flag.Bool("update-docs", false, "rewrite the tables of docs/LAB.md")
)

// atOnce bounds how many scenarios run at the same time.
const atOnce = 4

// scenarios are all of the lab.
func scenarios() []Scenario {
	return slices.Concat(loopbackScenarios(), natScenarios(), serverScenarios(), addressScenarios(),
		shortScenarios(), endingScenarios(), moveScenarios(), datagramScenarios(), programScenarios())
}

// TestLab lets every scenario play and judges the tool's map of it.
func TestLab(t *testing.T) {
	if testing.Short() {
		t.Skip("the lab takes minutes")
	}
	if os.Geteuid() != 0 {
		for _, s := range scenarios() {
			t.Run(s.Name, func(t *testing.T) { skip(t, "the lab makes network namespaces, which takes root") })
		}
		return
	}
	sweep(t)
	bench := newBench(t, *sourceFlag)
	var mu sync.Mutex
	var scores []Score
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, s := range scenarios() {
		group.Go(func() error {
			t.Run(s.Name, func(t *testing.T) {
				score, judged := bench.run(t, s)
				if !judged {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				scores = append(scores, score)
			})
			return nil
		})
	}
	_ = group.Wait()
	report(t, scores)
}

// report prints the table in the order of the scenarios.
func report(t *testing.T, scores []Score) {
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
	t.Logf("source %s\n%s", *sourceFlag, text)
	t.Logf("evidence of peers: %v", sum.Evidence)
	if !*updateDocs {
		return
	}
	blind := slices.ContainsFunc(scores, func(s Score) bool { return s.Blind })
	if len(scores) != len(scenarios()) || t.Failed() || blind {
		t.Errorf("docs/LAB.md is left as it is: %d of %d scenarios played, looks too far apart: %v", len(scores), len(scenarios()), blind)
		return
	}
	if err := errors.Join(rewrite("scenarios", listing(scenarios())), rewrite(*sourceFlag, text)); err != nil {
		t.Error(err)
	}
}
