package attribution

import (
	"cmp"
	"slices"

	"peerscope/internal/flow"
)

// processes numbers processes. What is asked for with every connection lies
// apart from the rest, so that it stays in the processor's cache.
type processes struct {
	numbers
	index index
	keys  []flow.ProcessKey
	nodes []NodeRef
	facts []processFacts
}

type processFacts struct {
	info   flow.Process
	known  bool // info was told
	exited bool
	exit   flow.Exit // of one that exited
	ended  uint32    // how many windows had been closed when that was told
	// learned are local ports on which it was seen as a server, sorted: from then on
	// they count as declared.
	learned []uint16
}

// exitKept is how long the facts of a process that exited are kept at least: a
// socket may outlive its process and be told later.
const exitKept = flow.Time(30e9)

func newProcesses() processes {
	return processes{index: newIndex(256), keys: make([]flow.ProcessKey, 1), nodes: make([]NodeRef, 1), facts: make([]processFacts, 1)}
}

func processHash(k flow.ProcessKey) uint32 {
	return uint32(spread(k.Start<<22^uint64(k.PID)) * 0x94d049bb133111eb >> 32)
}

// number of the process k; 0 for none.
func (t *processes) number(k flow.ProcessKey) uint32 {
	if k.IsZero() {
		return 0
	}
	hash := processHash(k)
	i := t.index.home(hash)
	for ; ; i = t.index.next(i) {
		slot := t.index.slots[i]
		ref := uint32(slot)
		if ref == 0 {
			break
		}
		if uint32(slot>>32) == hash && t.keys[ref] == k {
			return ref
		}
	}
	ref, grow := t.take(len(t.keys))
	if grow {
		t.keys, t.nodes, t.facts = append(t.keys, k), append(t.nodes, 0), append(t.facts, processFacts{})
	}
	t.keys[ref] = k
	t.index.put(i, hash, ref)
	return ref
}

// forget frees the processes that are not needed.
func (t *processes) forget(needed marks) {
	end := t.sweep(len(t.keys), needed, func(n uint32) {
		t.index.remove(processHash(t.keys[n]), n)
		t.keys[n], t.nodes[n], t.facts[n] = flow.ProcessKey{}, 0, processFacts{}
	})
	t.keys, t.nodes, t.facts = shorten(t.keys, end), shorten(t.nodes, end), shorten(t.facts, end)
}

// oldest of some processes: of those that share a listener, the one that made it.
func (t *processes) oldest(list []uint32) uint32 { return slices.MinFunc(list, t.compare) }

// compare orders two processes by their keys, the older one first.
func (t *processes) compare(a, b uint32) int { return t.keys[a].Compare(t.keys[b]) }

// exited keeps the end of a process. Of two tellings the one that knows more
// counts, else the earlier.
func (e *Engine) exited(o *flow.Exit) {
	p := &e.processes.facts[e.processes.number(o.Key)]
	if !p.exited || compareExits(o, &p.exit) < 0 {
		p.exit = *o
	}
	if !p.exited {
		p.exited, p.ended = true, e.closes
	}
}

func compareExits(a, b *flow.Exit) int {
	if a.Known != b.Known {
		if a.Known {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Signal, b.Signal), cmp.Compare(a.Code, b.Code))
}

// longGone: the process exited before the window that was closed last, and some time
// ago.
func (e *Engine) longGone(p *processFacts) bool {
	return p.exited && e.closes-p.ended >= 2 && e.latest-p.exit.Time >= exitKept
}

// lives: the facts of a process are asked for though no socket leads to it: it
// lives and may open one.
func (e *Engine) lives(p *processFacts) bool {
	if p.exited {
		return !e.longGone(p)
	}
	return p.known || len(p.learned) > 0
}

// compareProcess orders two tellings of one moment, so that it does not matter
// which came first. Text that is known is greater than none, so of two that
// differ in that alone the one that knows more counts: facts that came late are
// told again for the same moment.
func compareProcess(a, b *flow.Process) int {
	if c := compareTexts(a, b); c != 0 {
		return c
	}
	return cmp.Or(
		comparePods(&a.Pod, &b.Pod),
		slices.Compare(a.ImageTags, b.ImageTags),
		slices.CompareFunc(a.ContainerLabels, b.ContainerLabels, compareLabels),
		slices.CompareFunc(a.Entities, b.Entities, compareEntities),
		slices.Compare(a.ExposedPorts, b.ExposedPorts),
		slices.Compare(a.InstanceAddrs, b.InstanceAddrs),
	)
}

func compareTexts(a, b *flow.Process) int {
	for _, p := range [...][2]string{
		{a.Executable, b.Executable}, {a.CommandLine, b.CommandLine}, {a.Name, b.Name}, {a.Cgroup, b.Cgroup}, {a.InstanceID, b.InstanceID},
		{a.Script, b.Script}, {a.Container, b.Container}, {a.ContainerName, b.ContainerName}, {a.Image, b.Image}, {a.Owner, b.Owner},
	} {
		if c := cmp.Compare(p[0], p[1]); c != 0 {
			return c
		}
	}
	return 0
}

func comparePods(a, b *flow.Pod) int {
	return cmp.Or(
		cmp.Compare(a.UID, b.UID), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Container, b.Container), cmp.Compare(a.Node, b.Node),
		slices.CompareFunc(a.Owners, b.Owners, func(a, b flow.Owner) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
		}),
		slices.Compare(a.Services, b.Services),
		slices.CompareFunc(a.Labels, b.Labels, compareLabels),
	)
}

func compareLabels(a, b flow.Label) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
}

func compareEntities(a, b flow.Entity) int {
	return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Instance, b.Instance),
		cmp.Compare(a.Process, b.Process), slices.Compare(a.Labels, b.Labels))
}
