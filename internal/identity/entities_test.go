package identity

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
)

func TestDefaultEntities(t *testing.T) {
	e, err := DefaultEntities()
	if err != nil {
		t.Fatal(err)
	}
	f := func(p flow.Process, want ...flow.Entity) {
		t.Helper()
		if diff := cmp.Diff(want, e.of(&p, &flow.Host{Name: "web-1", ID: "x"})); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", p, diff)
		}
	}
	host := flow.Entity{Layer: "OS_LINUX", Service: "web-1", Instance: "web-1", Process: "nginx"}
	f(flow.Process{Name: "nginx"}, host)
	f(flow.Process{Name: "nginx", Container: "c", ContainerName: "web"}, host)
	pod := flow.Pod{UID: "u", Name: "shop-1-x", Namespace: "prod"}
	f(flow.Process{Name: "app.py", Pod: pod}) // of which service is not known
	pod.Services = []string{"front", "shop"}
	f(flow.Process{Name: "app.py", Pod: pod}, flow.Entity{Layer: "K8S_SERVICE", Service: "front.prod", Instance: "shop-1-x", Process: "app.py"})
	pod.Owners = []flow.Owner{{Kind: "ReplicaSet", Name: "shop-1"}, {Kind: "Deployment", Name: "shop"}}
	f(flow.Process{Name: "app.py", Pod: pod}, flow.Entity{Layer: "K8S_SERVICE", Service: "shop.prod", Instance: "shop-1-x", Process: "app.py"})
}

func TestEntitiesOfAFile(t *testing.T) {
	e, err := ReadEntities(strings.NewReader(`
# two identities for every process
host:
  - layer: GENERAL
    service: '{{.Unit}}'
    instance: '{{.Host}}/{{.PID}}'
    process: '{{.Name}} {{.Executable}} {{.Script}} {{.Runtime}} {{.Owner}} {{.Cgroup}}'
    labels: ['{{.Owner}}', '{{.Script}}']
  - {layer: OS_LINUX, service: all}
container:
  - {service: '{{or (.Container.Label "com.docker.compose.service") .Container.Name}}', instance: '{{.Container.ID}} {{.Container.Image}} {{.Container.Runtime}}'}
pod:
  - {service: '{{.Pod.Label "app"}}', instance: "{{.Pod.UID}} {{.Pod.Container}} {{.Pod.Node}} {{.Workload.Kind}} {{.Pod.Service}}"}
`))
	if err != nil {
		t.Fatal(err)
	}
	f := func(p flow.Process, want ...flow.Entity) {
		t.Helper()
		if diff := cmp.Diff(want, e.of(&p, &flow.Host{Name: "web-1"})); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", p, diff)
		}
	}
	all := flow.Entity{Layer: "OS_LINUX", Service: "all"}
	f(flow.Process{Key: flow.ProcessKey{PID: 7}, Name: "a", Executable: "/b", Script: "c", Interpreter: "d", Owner: "e", Cgroup: "/f", Unit: "u.service"},
		flow.Entity{Layer: "GENERAL", Service: "u.service", Instance: "web-1/7", Process: "a /b c d e /f", Labels: []string{"e", "c"}}, all)
	f(flow.Process{Name: "a", Owner: "root"}, all) // it has no unit
	f(flow.Process{Container: "c", ContainerName: "web-1", Image: "i", Runtime: "docker"}, flow.Entity{Service: "web-1", Instance: "c i docker"})
	f(flow.Process{Container: "c", ContainerName: "web-1", ContainerLabels: []flow.Label{{Key: "com.docker.compose.service", Value: "web"}}},
		flow.Entity{Service: "web", Instance: "c"})
	f(flow.Process{Pod: flow.Pod{Name: "p", UID: "u", Container: "c", Node: "n", Services: []string{"s"}, Owners: []flow.Owner{{Kind: "Job"}},
		Labels: []flow.Label{{Key: "app", Value: "shop\x1b"}}}}, flow.Entity{Service: `shop\x1b`, Instance: "u c n Job s"})
	f(flow.Process{Pod: flow.Pod{Name: "p"}})
}

func TestEntitiesMayBeJSON(t *testing.T) {
	e, err := ReadEntities(strings.NewReader(`{"host": [{"layer": "L", "service": "s", "labels": []}]}`))
	if err != nil || len(e.host) != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	if got := e.of(&flow.Process{Container: "c"}, &flow.Host{}); len(got) != 1 { // containers are as hosts if nothing is said of them
		t.Errorf("%v", got)
	}
}

func TestEntitiesThatAreWrongSayWhere(t *testing.T) {
	f := func(file, want string) {
		t.Helper()
		e, err := ReadEntities(strings.NewReader(file))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v\nwant %s", file, e, err, want)
		}
	}
	const known = " is not known: at the top are host, container and pod, in each entity layer, service, instance, process and labels"
	f("", "empty")
	f("# nothing\n", "empty")
	f("{}", "no entities: give a list under host, container or pod")
	f("host:\n  - service: x\n    servise: y\n", "line 3: field servise"+known)
	f("hosts: []\n", "line 1: field hosts"+known)
	f("host:\n  - service: x\n    service: y\n", `line 3: mapping key "service" already defined at line 2`)
	f("host:\n  - layer: x\n", "an entity has no service")
	f("host:\n  - service: [x]\n", "line 2: a text is wanted here")
	f("host: x\n", "line 1: cannot unmarshal !!str `x`: that does not fit here")
	f("host:\n - service: x\n---\nhost: []\n", "more than one document")
	f("host:\n  - service: '{{.Foo}}'\n", `line 2: service:1:2: executing "service" at <.Foo>: can't evaluate field Foo`)
	f("host:\n  - layer: x\n    service: x\n    labels:\n    - '{{.Pod.Foo}}'\n", `line 5: labels:1:6: executing "labels" at <.Pod.Foo>: can't evaluate field Foo`)
	f("host:\n  - service: '{{.Name'\n", `line 2: service:1: unclosed action`)
	f("host:\n  - service: '{{exec \"x\"}}'\n", `line 2: service:1: function "exec" not defined`)
	f("host:\n\t- x\n", "line 2: found character that cannot start any token")
	f(strings.Repeat("#", maxEntities+1), "longer than 1048576 bytes")
}

func FuzzReadEntities(f *testing.F) {
	f.Add(defaultEntities)
	f.Add(`{"host": [{"service": "{{.Name}}", "labels": ["{{.Pod.Label \"a\"}}"]}]}`)
	f.Add("host: &a\n - service: x\npod: *a\n")
	f.Fuzz(func(t *testing.T, file string) {
		if strings.Contains(file, "range") || strings.Contains(file, "printf") || strings.Contains(file, "template") || strings.Contains(file, "block") {
			return // which may write without end
		}
		e, err := ReadEntities(strings.NewReader(file))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		for _, made := range e.of(sampleProcess(), &flow.Host{Name: "h"}) {
			checkSafe(t, made.Layer+made.Service+made.Instance+made.Process)
		}
	})
}
