package topology_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// all has every attribute set.
func all(t *testing.T) topology.Attributes {
	t.Helper()
	var a topology.Attributes
	v := reflect.ValueOf(&a).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		switch f.Interface().(type) {
		case string:
			f.SetString(fmt.Sprintf("<%d> & \"é\"", i))
		case bool:
			f.SetBool(true)
		case int, int32:
			f.SetInt(int64(i + 1))
		case uint64:
			f.SetUint(1<<63 + uint64(i))
		case *int:
			f.Set(reflect.ValueOf(new(i)))
		case []string:
			f.Set(reflect.ValueOf([]string{"a", "b"}))
		case []topology.Listen:
			f.Set(reflect.ValueOf([]topology.Listen{{Transport: "tcp", Port: 80}}))
		case []flow.Entity:
			f.Set(reflect.ValueOf([]flow.Entity{{Layer: "l", Labels: []string{"x"}}}))
		case map[string]string:
			f.Set(reflect.ValueOf(map[string]string{"app.kubernetes.io/name": "<shop>", "a": "", "": "no key", "b\"": "\u202e"}))
		default:
			t.Fatalf("the test cannot fill %v", f.Type())
		}
	}
	return a
}

func TestAttributesAreReadAsTheyAreWritten(t *testing.T) {
	labels := map[string]string{"x": "y"}
	for _, want := range []topology.Attributes{{}, all(t), {PID: 7}, {PodLabels: labels}, {ContainerLabels: labels}} {
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got topology.Attributes
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-written +read):\n%s", b, diff)
		}
		again, err := json.Marshal(&got)
		if err != nil || string(again) != string(b) {
			t.Errorf("written again: %s, %v\nwant %s", again, err, b)
		}
	}
}

func TestLabelsAreAttributesOfTheirOwn(t *testing.T) {
	a := topology.Attributes{PID: 7, PodLabels: map[string]string{"b": "2", "a": "<1>"}, ContainerLabels: map[string]string{"z": "3"}}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(topology.Node{Attributes: a}); err != nil {
		t.Fatal(err)
	}
	want := `{"process.pid":7,"container.label.z":"3","k8s.pod.label.a":"<1>","k8s.pod.label.b":"2"}`
	if got := b.String(); !strings.Contains(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var got topology.Attributes
	if err := json.Unmarshal([]byte(`{"k8s.pod.label.a":5}`), &got); err == nil {
		t.Error("a label that is a number is read without an error")
	}
	if err := json.Unmarshal([]byte(`{"new.attribute":{"a":1},"process.pid":3}`), &got); err != nil || got.PID != 3 {
		t.Errorf("a newer attribute: %v, %+v", err, got)
	}
}

func TestNodeHasWhatIsKnownOfItsProcess(t *testing.T) {
	p := flow.Process{
		Key: flow.ProcessKey{PID: 5, Start: 7}, Name: "app.py", Executable: "/usr/bin/python3.12", Interpreter: "python", Script: "/opt/app.py",
		Container: "c1", Runtime: "containerd", ContainerName: "app", Image: "reg/app", ImageTags: []string{"1.0"},
		ContainerLabels: []flow.Label{{Key: "k", Value: "v"}},
		Pod: flow.Pod{UID: "u", Name: "app-1-x", Namespace: "shop", Container: "app", Node: "n1", Services: []string{"app", "app-headless"},
			Owners: []flow.Owner{{Kind: "ReplicaSet", Name: "app-1"}, {Kind: "Deployment", Name: "app"}}, Labels: []flow.Label{{Key: "app", Value: "app"}}},
		Entities: []flow.Entity{{Layer: "K8S_SERVICE", Service: "app.shop", Instance: "app-1-x", Process: "app.py"}},
	}
	got := nodeOf(t, p)
	want := topology.Attributes{PID: 5, ExecutableName: "python3.12", ExecutablePath: "/usr/bin/python3.12", Interpreter: "python", Script: "/opt/app.py",
		ContainerID: "c1", Runtime: "containerd", ContainerName: "app", Image: "reg/app", ImageTags: []string{"1.0"},
		ContainerLabels: map[string]string{"k": "v"}, Namespace: "shop", PodName: "app-1-x", PodUID: "u", PodContainer: "app", NodeName: "n1",
		ReplicaSet: "app-1", Deployment: "app", KubeService: "app", KubeServices: []string{"app", "app-headless"},
		PodLabels: map[string]string{"app": "app"}, ServiceName: "app.shop", ServiceNamespace: "shop", ServiceInstance: "app-1-x", Entities: p.Entities}
	if diff := cmp.Diff(want, got.Attributes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// A host is not the service of what runs on it.
	p = flow.Process{Key: p.Key, Name: "nginx", Entities: []flow.Entity{{Layer: "OS_LINUX", Service: "web-1", Instance: "web-1", Process: "nginx"}}}
	if a := nodeOf(t, p).Attributes; a.ServiceName != "" || len(a.Entities) != 1 {
		t.Errorf("service %q, entities %v; want none and one", a.ServiceName, a.Entities)
	}
}

// nodeOf is the node of a process that calls itself.
func nodeOf(t *testing.T, p flow.Process) topology.Node {
	t.Helper()
	l := topology.NewLedger()
	l.Add(change(1, 1, 1))
	d := directory{nodes: []flow.Node{{Kind: flow.NodeProcess, Process: p}},
		edges: []flow.Edge{{EdgeKey: flow.EdgeKey{Transport: flow.TCP, RoleKnown: true, A: 1, B: 1, PortB: 80}}}}
	return l.Map(d, topology.Facts{}).Nodes[0]
}
