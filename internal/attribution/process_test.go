package attribution_test

import (
	"testing"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
)

// What is learnt late of a process is told again, for the same moment or a later
// one; whichever comes first, what knows more counts.
func TestProcessIsWhatWasToldLastAndMost(t *testing.T) {
	key := flow.ProcessKey{PID: 7, Start: 7}
	plain := flow.Process{Time: 5, Key: key, Name: "app", Executable: "/app", Container: "c"}
	f := func(name string, more func(*flow.Process)) {
		t.Helper()
		full := plain
		more(&full)
		for _, order := range [][2]flow.Process{{plain, full}, {full, plain}} {
			e := attribution.New(attribution.Config{})
			e.Apply(&flow.Socket{Time: 5, Cookie: 1, Netns: 1, Transport: flow.TCP, State: flow.Established, Tuple: tuple("10.0.0.1:4000 > 10.0.0.2:80"), Holders: []flow.ProcessKey{key}})
			e.Apply(&order[0])
			e.Apply(&order[1])
			e.Close(func(*flow.Change) {})
			got := processOf(t, e)
			if got.ContainerName != full.ContainerName || got.Pod.Name != full.Pod.Name || len(got.Entities) != len(full.Entities) ||
				len(got.ImageTags) != len(full.ImageTags) || len(got.ContainerLabels) != len(full.ContainerLabels) ||
				len(got.Pod.Services) != len(full.Pod.Services) || len(got.Pod.Owners) != len(full.Pod.Owners) || got.Name != full.Name {
				t.Errorf("%s, told in order %v: %+v", name, order, got)
			}
		}
	}
	f("container", func(p *flow.Process) { p.ContainerName = "web" })
	f("tags", func(p *flow.Process) { p.ImageTags = []string{"1"} })
	f("label", func(p *flow.Process) { p.ContainerLabels = []flow.Label{{Key: "a"}} })
	f("pod", func(p *flow.Process) { p.Pod.Name = "web-1" })
	f("services", func(p *flow.Process) { p.Pod.Services = []string{"web"} })
	f("owners", func(p *flow.Process) { p.Pod.Owners = []flow.Owner{{Kind: "Job", Name: "j"}} })
	f("entities", func(p *flow.Process) { p.Entities = []flow.Entity{{Service: "s"}} })
	f("later", func(p *flow.Process) { p.Time, p.Name, p.Executable = 6, "a", "/a" })
}

// processOf is the one process of an engine.
func processOf(t *testing.T, e *attribution.Engine) flow.Process {
	t.Helper()
	for ref := flow.NodeRef(1); ref < 4; ref++ {
		if n := e.Node(ref); n.Kind == flow.NodeProcess {
			return n.Process
		}
	}
	t.Fatal("no process node")
	return flow.Process{}
}
