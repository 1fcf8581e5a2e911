package identity

import (
	"cmp"

	"peerscope/internal/flow"
)

// entityFacts are what the templates of entities can name. What is not known is
// empty, or 0.
type entityFacts struct {
	Host       string // name of the host
	PID        int32
	Name       string // of the process, as the map has it
	Executable string // path
	Script     string
	Runtime    string // python, java, nodejs
	Owner      string
	Unit       string
	Cgroup     string
	Container  containerFacts
	Pod        podFacts
	Workload   workloadFacts
}

type containerFacts struct {
	ID, Name, Image, Runtime string
	labels                   []flow.Label
}

// Label is the value of a label; empty if there is none.
func (c containerFacts) Label(key string) string { return labelOf(c.labels, key) }

type podFacts struct {
	Name, UID, Namespace, Container, Node string
	Service                               string // the first by name
	labels                                []flow.Label
}

// Label is the value of a label; empty if there is none.
func (p podFacts) Label(key string) string { return labelOf(p.labels, key) }

type workloadFacts struct{ Kind, Name string }

func labelOf(labels []flow.Label, key string) string {
	for _, l := range labels {
		if l.Key == key {
			return l.Value
		}
	}
	return ""
}

func factsOf(p *flow.Process, host *flow.Host) *entityFacts {
	owner := p.Pod.Workload()
	f := &entityFacts{
		Host: cmp.Or(host.Name, host.ID), PID: p.Key.PID, Name: p.Name, Executable: p.Executable, Script: p.Script, Runtime: p.Interpreter,
		Owner: p.Owner, Unit: p.Unit, Cgroup: p.Cgroup,
		Container: containerFacts{ID: p.Container, Name: p.ContainerName, Image: p.Image, Runtime: p.Runtime, labels: p.ContainerLabels},
		Pod: podFacts{Name: p.Pod.Name, UID: p.Pod.UID, Namespace: p.Pod.Namespace, Container: p.Pod.Container, Node: p.Pod.Node,
			labels: p.Pod.Labels},
		Workload: workloadFacts{owner.Kind, owner.Name},
	}
	if len(p.Pod.Services) > 0 {
		f.Pod.Service = p.Pod.Services[0]
	}
	return f
}

// sampleFacts have every fact, so that a template carries out all it names.
func sampleFacts() *entityFacts {
	return factsOf(sampleProcess(), &flow.Host{Name: "sample", ID: "sample"})
}

func sampleProcess() *flow.Process {
	label := []flow.Label{{Key: "app", Value: "sample"}}
	return &flow.Process{
		Key: flow.ProcessKey{PID: 1, Start: 1}, Name: "sample", Executable: "/bin/sample", Script: "sample.py", Interpreter: "python",
		Owner: "root", Unit: "sample.service", Cgroup: "/sample", Container: "sample", ContainerName: "sample", Image: "sample", Runtime: "docker",
		ContainerLabels: label,
		Pod: flow.Pod{Name: "sample", UID: "sample", Namespace: "sample", Container: "sample", Node: "sample", Services: []string{"sample"},
			Owners: []flow.Owner{{Kind: "Deployment", Name: "sample"}}, Labels: label},
	}
}
