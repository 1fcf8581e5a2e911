package topology

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strconv"
)

// DiffSchema names the format of Difference.
const DiffSchema = "peerscope.diff/v1"

// Difference is what is not the same in two maps. Edges are between programs:
// all processes that run the same in the same place are one node, and their
// edges are added up. Lists are sorted by id.
type Difference struct {
	Schema  string       `json:"schema"`
	Before  Side         `json:"before"`
	After   Side         `json:"after"`
	Added   []Edge       `json:"added"`
	Removed []Edge       `json:"removed"`
	Changed []EdgeChange `json:"changed"`
	Nodes   []Node       `json:"nodes"` // that the edges name
}

// Side is one of the two maps.
type Side struct {
	Host   Host   `json:"host"`
	Window Window `json:"window"`
	Edges  int    `json:"edges"` // between programs
}

// EdgeChange is an edge that both maps have, and what of it differs: roles,
// server, dialed, evidence, failing, protocols. Its ID is that of After.
type EdgeChange struct {
	ID     string   `json:"id"`
	Before Edge     `json:"before"`
	After  Edge     `json:"after"`
	Fields []string `json:"fields"`
}

// Empty: nothing is different.
func (d *Difference) Empty() bool { return len(d.Added)+len(d.Removed)+len(d.Changed) == 0 }

// Diff compares two maps by what runs, not by pids and figures: a restart is no
// difference, nor is more traffic. Neither map is changed.
func Diff(before, after *Map) *Difference {
	a, b := foldPrograms(before), foldPrograms(after)
	d := &Difference{Schema: DiffSchema, Before: a.side(before), After: b.side(after),
		Added: []Edge{}, Removed: []Edge{}, Changed: []EdgeChange{}, Nodes: []Node{}}
	for id, x := range a.edges {
		if y, both := b.edges[id]; both {
			d.compare(x, y)
			delete(a.edges, id)
			delete(b.edges, id)
		}
	}
	// Of what is left, an edge here and one there can be the same with another
	// role or another server, if nothing else could be meant.
	d.pair(a, b, rolelessKey, "roles")
	d.pair(a, b, serverKey, "server")
	for _, x := range a.edges {
		d.Removed = append(d.Removed, x.Edge)
	}
	for _, y := range b.edges {
		d.Added = append(d.Added, y.Edge)
	}
	byID := func(x, y Edge) int { return cmp.Compare(x.ID, y.ID) }
	slices.SortFunc(d.Added, byID)
	slices.SortFunc(d.Removed, byID)
	slices.SortFunc(d.Changed, func(x, y EdgeChange) int { return cmp.Compare(x.ID, y.ID) })
	d.nameNodes(a, b)
	return d
}

// folded is a map with one node a program.
type folded struct {
	nodes map[string]*Node
	edges map[string]*foldedEdge
}

// foldedEdge is an edge with the ports that it had before they were left out: of
// an edge without roles one of them is the client's, another one each time.
type foldedEdge struct {
	Edge
	ports []uint16
}

func (f *folded) side(m *Map) Side { return Side{Host: m.Host, Window: m.Window, Edges: len(f.edges)} }

func foldPrograms(m *Map) *folded {
	f := &folded{nodes: make(map[string]*Node, len(m.Nodes)), edges: make(map[string]*foldedEdge, len(m.Edges))}
	into := make(map[string]string, len(m.Nodes))
	for i := range m.Nodes {
		n := &m.Nodes[i]
		id := n.Program()
		into[n.ID] = id
		p := f.nodes[id]
		if p == nil {
			p = programNode(n, id)
			f.nodes[id] = p
		}
		if n.Kind == KindProcess {
			p.Attributes.Members = append(p.Attributes.Members, n.ID)
			p.Attributes.Processes++
		}
	}
	for i := range m.Edges {
		e := m.Edges[i]
		ports := e.EndPorts
		e.EndPorts = nil
		e = regroup(e, into)
		if old := f.edges[e.ID]; old != nil {
			old.Edge, old.ports = add(old.Edge, e), append(slices.Clip(old.ports), ports...)
		} else {
			f.edges[e.ID] = &foldedEdge{e, ports}
		}
	}
	return f
}

// programNode has of a node what a restart keeps.
func programNode(n *Node, id string) *Node {
	p := *n
	p.ID = id
	a := &n.Attributes
	if n.Kind != KindProcess {
		p.Attributes.NetnsInode, p.Attributes.Listens = 0, nil
		return &p
	}
	p.Kind = KindGroup
	script := a.script()
	if script != "" {
		p.Name = path.Base(script)
	}
	p.Attributes = Attributes{ExecutableName: a.ExecutableName, ExecutablePath: a.ExecutablePath, Interpreter: a.Interpreter, Script: script,
		Owner: a.Owner, ContainerName: a.ContainerName, Image: a.Image, Runtime: a.Runtime, NetnsName: a.NetnsName,
		Namespace: a.Namespace, PodContainer: a.PodContainer, Deployment: a.Deployment, StatefulSet: a.StatefulSet, DaemonSet: a.DaemonSet,
		CronJob: a.CronJob, Job: a.Job, KubeService: a.KubeService, ServiceName: a.ServiceName, ServiceNamespace: a.ServiceNamespace}
	if a.Workload() == "" {
		p.Attributes.PodName = a.PodName
	}
	if stays(a.Unit) {
		p.Attributes.Unit = a.Unit
	}
	return &p
}

// compare adds a change if what both edges say of one thing differs.
func (d *Difference) compare(x, y *foldedEdge, fields ...string) {
	if !slices.Equal(x.Dialed, y.Dialed) {
		fields = append(fields, "dialed")
	}
	if p, q := x.Certainty(), y.Certainty(); p != q && p != "" && q != "" {
		fields = append(fields, "evidence")
	}
	if x.Connections.Failed > 0 != (y.Connections.Failed > 0) {
		fields = append(fields, "failing")
	}
	if p, q := protocolSet(&x.Edge), protocolSet(&y.Edge); len(p) > 0 && len(q) > 0 && !slices.Equal(p, q) {
		fields = append(fields, "protocols")
	}
	if len(fields) > 0 {
		d.Changed = append(d.Changed, EdgeChange{ID: y.ID, Before: x.Edge, After: y.Edge, Fields: fields})
	}
}

// protocolSet are the protocols of an edge that are known. What one map does not
// know is no difference.
func protocolSet(e *Edge) []string {
	var set []string
	for _, p := range e.Protocols {
		switch {
		case p.TLS != nil:
			set = append(set, p.Name+" tls="+strconv.FormatBool(*p.TLS))
		case p.Name != "":
			set = append(set, p.Name)
		}
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// pair takes two edges for one if they are the only ones left, here and there,
// that have a key in common.
func (d *Difference) pair(a, b *folded, keys func(*foldedEdge) []string, field string) {
	left, right := byKey(a.edges, keys), byKey(b.edges, keys)
	for _, k := range slices.Sorted(maps.Keys(left)) {
		x, y := left[k], right[k]
		if len(x) != 1 || len(y) != 1 || a.edges[x[0].ID] == nil || b.edges[y[0].ID] == nil {
			continue
		}
		d.compare(x[0], y[0], field)
		delete(a.edges, x[0].ID)
		delete(b.edges, y[0].ID)
	}
}

func byKey(edges map[string]*foldedEdge, keys func(*foldedEdge) []string) map[string][]*foldedEdge {
	out := map[string][]*foldedEdge{}
	for _, e := range edges {
		for _, k := range keys(e) {
			out[k] = append(out[k], e)
		}
	}
	return out
}

// rolelessKey is the same for an edge with roles and for the one that it was
// when they were not known: its two ends and a port or path.
func rolelessKey(e *foldedEdge) []string {
	ends, ports := e.Ends, e.ports
	if ends == nil {
		ends, ports = []string{e.Client, e.Server}, []uint16{e.ServerPort}
		slices.Sort(ends)
	}
	pair := ends[0] + "\x00" + ends[1] + "\x00" + e.Transport + "\x00"
	if e.Path != "" || len(ports) == 0 {
		return []string{pair + e.Path}
	}
	var out []string
	for _, p := range slices.Compact(slices.Sorted(slices.Values(ports))) {
		if p != 0 {
			out = append(out, pair+strconv.Itoa(int(p)))
		}
	}
	return out
}

// serverKey is all of an edge but its server.
func serverKey(e *foldedEdge) []string {
	if e.Ends != nil {
		return nil
	}
	return []string{e.Client + "\x00" + e.Transport + "\x00" + portOrPath(e.ServerPort, e.Path)}
}

// nameNodes adds what the edges name, as the later map has it.
func (d *Difference) nameNodes(a, b *folded) {
	named := map[string]bool{}
	name := func(e *Edge) {
		for _, id := range e.nodes() {
			if named[id] {
				continue
			}
			named[id] = true
			if n := cmp.Or(b.nodes[id], a.nodes[id]); n != nil {
				d.Nodes = append(d.Nodes, *n)
			}
		}
	}
	for i := range d.Added {
		name(&d.Added[i])
	}
	for i := range d.Removed {
		name(&d.Removed[i])
	}
	for i := range d.Changed {
		name(&d.Changed[i].Before)
		name(&d.Changed[i].After)
	}
	slices.SortFunc(d.Nodes, func(x, y Node) int { return cmp.Compare(x.ID, y.ID) })
}
