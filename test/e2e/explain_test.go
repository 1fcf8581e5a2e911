package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"strconv"
	"testing"

	"peerscope/internal/topology"
	"peerscope/test/e2e/script"
)

// TestExplainLive runs `explain` beside `map` on one small world. What it says of
// each edge stands on the same evidence, its own steps lead there, and it names
// the processes that were there.
func TestExplainLive(t *testing.T) {
	if testing.Short() {
		t.Skip("the lab takes minutes")
	}
	if os.Geteuid() != 0 {
		skip(t, "the lab makes network namespaces, which takes root")
	}
	bench := newBench(t)
	if bench.Tool == "" {
		t.Skip("there is no tool to be judged")
	}
	for _, source := range []string{SourceEBPF, SourceNetlink} {
		t.Run(source, func(t *testing.T) {
			bench.offers(t, source)
			explainLive(newLab(t, bench, source, Scenario{Name: "explain"}))
		})
	}
}

func explainLive(l *Lab) {
	t := l.T
	a, b := l.Linked("a", "b")
	client, web := l.Actor(a, "client"), l.Actor(b, "web")
	ln, inner := web.Listen(script.TCP, l.V4("0.2:8080")), web.Listen(script.UnixStream, l.dir+"/web.sock")
	old := l.Dial(client, ln, DialOptions{}) // before observation began
	old.Request(5)
	l.Observe(a, b)
	explain := l.startTool([]*Netns{a, b}, "explain", "pid:"+strconv.Itoa(web.Proc.PID))
	for range 3 {
		c := l.Dial(client, ln, DialOptions{})
		c.Request(100)
		c.Reply(2000)
	}
	l.Dial(client, inner, DialOptions{})
	pause(hold) // a look meets them
	m := l.finish()
	l.end(explain)

	said := map[string]topology.Explanation{}
	for dec := json.NewDecoder(&explain.stdout); ; {
		var x topology.Explanation
		if err := dec.Decode(&x); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("parse explanation: %v", err)
		}
		said[x.Edge.ID] = x
	}
	if len(said) != 2 || len(m.Edges) != 2 {
		t.Fatalf("%d edges explained, %d on the map, want 2\n%s", len(said), len(m.Edges), explain.stderr.String())
	}
	for i := range m.Edges {
		judgeExplanation(l, &m.Edges[i], said, client, web)
	}
}

// judgeExplanation compares what was said of an edge with the map's edge.
func judgeExplanation(l *Lab, e *topology.Edge, said map[string]topology.Explanation, client, web *Actor) {
	t := l.T
	x, ok := said[e.ID]
	if !ok {
		t.Errorf("edge %s of the map is not explained", e.ID)
		return
	}
	if x.Client == nil || x.Server == nil || int(x.Client.Attributes.PID) != client.Proc.PID || int(x.Server.Attributes.PID) != web.Proc.PID {
		t.Errorf("edge %s is from %+v to %+v, want %d to %d", e.ID, x.Client, x.Server, client.Proc.PID, web.Proc.PID)
	}
	peer, role := map[string]uint64{}, map[string]uint64{}
	for _, d := range append([]topology.Decision{x.Decision}, x.Others...) {
		peer[d.Connection.Peer] += uint64(d.Alike)
		role[d.Connection.Role] += uint64(d.Alike)
		for about, want := range map[string]string{"peer": d.Connection.Peer, "role": d.Connection.Role} {
			if got := decider(d, about); got != want {
				t.Errorf("edge %s: steps decide the %s by %q, it is %q", e.ID, about, got, want)
			}
		}
	}
	if !maps.Equal(peer, e.Evidence.Peer) || !maps.Equal(role, e.Evidence.Role) {
		t.Errorf("edge %s: explained by %v and %v, the map has %v and %v", e.ID, peer, role, e.Evidence.Peer, e.Evidence.Role)
	}
	if e.Transport == "tcp" && (x.Began == nil || x.Began.BeforeStart != 1) {
		t.Errorf("edge %s: began %+v, want one before the start", e.ID, x.Began)
	}
}

// decider is the rung that decided.
func decider(d topology.Decision, about string) string {
	for _, s := range d.Steps {
		if s.About == about && s.Result == "matched" {
			return s.Rule
		}
	}
	return ""
}
