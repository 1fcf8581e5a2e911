package identity

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"peerscope/internal/flow"
)

// CompleterConfig says what completes processes. The zero value asks the
// container runtimes below this program's own root.
type CompleterConfig struct {
	Root     string    // before the paths of runtimes' states, see HostRoot
	Pods     Pods      // nil: pods are known by what their containers say only
	Entities *Entities // nil: processes get no entities
	// Patience is how long the end of a window waits for answers that are still
	// coming; 0: three seconds, and one for the next of them.
	Patience time.Duration
}

// Completer stands between a source and whoever takes its observations, and adds
// to processes what /proc does not tell: their containers' names and images,
// their pods, their entities. What is not known at once is asked by other
// goroutines, and the process is told again when it is. A process is told again
// with a time that is a nanosecond later, so that it replaces what was told
// before and nothing that the source tells afterwards.
//
// It serves one goroutine.
type Completer struct {
	emit      func(flow.Observation)
	pods      Pods
	entities  *Entities
	host      flow.Host
	inquiries *inquiries
	now       func() time.Time

	containers map[string]*knownContainer // by id
	told       map[flow.ProcessKey]*toldProcess
	swept      time.Time // when the containers were last asked for anew
	podsSeen   uint64    // what Pods.Changed said
	podsTold   time.Time
}

// knownContainer is a container and what is known of it.
type knownContainer struct {
	ref     containerRef
	facts   container
	found   bool
	asked   bool // and not answered yet
	stamp   stamp
	err     error // of the last answer
	members map[flow.ProcessKey]struct{}
}

// toldProcess is a process of a container, as it was told last.
type toldProcess struct {
	process flow.Process
	exited  bool
}

const (
	// containerCheck is how often the state of containers is read again, if it
	// has changed: they are renamed, and runtimes start after them.
	containerCheck = 30 * time.Second
	// podCheck is how often pods that changed are told again.
	podCheck = 2 * time.Second
	// maxKnown bounds the containers that are remembered without a process.
	maxKnown = 4096
)

// NewCompleter makes a Completer that hands everything on to emit.
func NewCompleter(c CompleterConfig, emit func(flow.Observation)) *Completer {
	return &Completer{emit: emit, pods: c.Pods, entities: c.Entities, inquiries: newInquiries(c.Root, c.Patience), now: time.Now,
		containers: map[string]*knownContainer{}, told: map[flow.ProcessKey]*toldProcess{}}
}

// Take takes an observation and hands it on. It keeps no reference to it.
func (c *Completer) Take(o flow.Observation) {
	c.hear(podCheck)
	switch o := o.(type) {
	case *flow.Host:
		c.host = *o
	case *flow.Process:
		c.process(*o)
		return
	case *flow.Exit:
		c.exit(o.Key)
	case *flow.Window:
		if o.End != 0 {
			c.inquiries.settle()
			c.hear(0)
			c.tellNameless()
		}
	}
	c.emit(o)
}

// process completes a process and tells it.
func (c *Completer) process(p flow.Process) {
	ref, ok := refOf(&p)
	if t := c.told[p.Key]; t != nil && t.process.Container != p.Container {
		c.leave(p.Key) // it was in another container before
	}
	if ok {
		c.sweep()
		k := c.containers[ref.id]
		if k == nil {
			c.forget()
			k = &knownContainer{ref: ref, members: map[flow.ProcessKey]struct{}{}}
			c.containers[ref.id] = k
			c.ask(k)
		}
		k.members[p.Key] = struct{}{}
	}
	c.complete(&p)
	if ok {
		c.told[p.Key] = &toldProcess{process: p}
	}
	c.emit(&p)
}

func (c *Completer) ask(k *knownContainer) {
	if !k.asked {
		k.asked = true
		c.inquiries.ask(inquiry{k.ref, k.stamp})
	}
}

// sweep asks again for all containers that have processes.
func (c *Completer) sweep() {
	now := c.now()
	if c.swept.IsZero() {
		c.swept = now
	}
	if now.Sub(c.swept) < containerCheck {
		return
	}
	c.swept = now
	for _, id := range slices.Sorted(maps.Keys(c.containers)) {
		if k := c.containers[id]; len(k.members) > 0 {
			c.ask(k)
		}
	}
}

// forget makes room: containers without a process are asked for again if they
// come back.
func (c *Completer) forget() {
	if len(c.containers) < maxKnown {
		return
	}
	maps.DeleteFunc(c.containers, func(_ string, k *knownContainer) bool { return len(k.members) == 0 && !k.asked })
}

// exit lets a process go, when what was asked for it has been told.
func (c *Completer) exit(key flow.ProcessKey) {
	t := c.told[key]
	if t == nil {
		return
	}
	t.exited = true
	if k := c.containers[t.process.Container]; k == nil || !k.asked {
		c.leave(key)
	}
}

func (c *Completer) leave(key flow.ProcessKey) {
	if t := c.told[key]; t != nil {
		delete(c.told, key)
		if k := c.containers[t.process.Container]; k != nil {
			delete(k.members, key)
		}
	}
}

// hear takes what was answered, and pods that have changed if that was not done
// within the last while, and tells the processes again that they are about.
func (c *Completer) hear(while time.Duration) {
	if c.inquiries.ready.Load() {
		for _, a := range c.inquiries.take() {
			c.answer(a)
		}
	}
	if c.pods == nil {
		return
	}
	if n := c.pods.Changed(); n != c.podsSeen && c.now().Sub(c.podsTold) >= while {
		c.podsSeen, c.podsTold = n, c.now()
		c.tellAgain(slices.SortedFunc(maps.Keys(c.told), flow.ProcessKey.Compare))
	}
}

func (c *Completer) answer(a reply) {
	k := c.containers[a.ref.id]
	if k == nil {
		return
	}
	k.asked = false
	switch {
	case errors.Is(a.err, errUnchanged):
	case a.err != nil:
		k.err = a.err // what was found before stays true: its state may be gone already
	default:
		k.facts, k.found, k.stamp, k.err = a.found, true, a.stamp, nil
	}
	members := slices.SortedFunc(maps.Keys(k.members), flow.ProcessKey.Compare)
	if a.err == nil {
		c.tellAgain(members)
	}
	for _, key := range members {
		if c.told[key].exited {
			c.leave(key)
		}
	}
}

// tellAgain tells those processes again of which more, or something else, is
// known now.
func (c *Completer) tellAgain(keys []flow.ProcessKey) {
	for _, key := range keys {
		t := c.told[key]
		p := t.process
		c.complete(&p)
		if reflect.DeepEqual(&p, &t.process) {
			continue
		}
		p.Time++
		t.process = p
		out := p
		c.emit(&out)
	}
}

// complete sets everything that a source does not tell, from what is known now.
func (c *Completer) complete(p *flow.Process) {
	p.ContainerName, p.Image, p.ImageTags, p.ContainerLabels, p.Pod, p.Entities = "", "", nil, nil, flow.Pod{}, nil
	switch p.Runtime {
	case "lxc", "libvirt-lxc", "systemd-nspawn": // their containers have names only
		p.ContainerName = p.Container
	}
	if k := c.containers[p.Container]; k != nil && k.found {
		k.facts.describe(p)
	}
	if p.Pod.UID == "" {
		p.Pod.UID = podUID(p.Cgroup)
	}
	if c.pods != nil && p.Container != "" {
		c.completePod(p)
	}
	if p.InstanceID == "" {
		p.InstanceID = p.Pod.UID
	}
	if c.entities != nil {
		p.Entities = c.entities.of(p, &c.host)
	}
}

// completePod adds what Kubernetes itself tells. It knows pods better than the
// runtime does; of images the runtime knows what really runs.
func (c *Completer) completePod(p *flow.Process) {
	pod, ok := c.pods.ByContainer(p.Container)
	if !ok && p.Pod.UID != "" {
		pod, ok = c.pods.ByUID(p.Pod.UID, p.Pod.Container)
	}
	if !ok {
		return
	}
	container := cmp.Or(p.Pod.Container, pod.Container)
	p.Pod = pod.Pod
	p.Pod.Labels = withoutSecrets(pod.Labels)
	p.Pod.Container = container
	p.ContainerName = cmp.Or(p.ContainerName, container)
	if p.Image == "" {
		p.Image, p.ImageTags = pod.Image, pod.ImageTags
	}
	if len(pod.Addrs) > 0 {
		p.InstanceAddrs = pod.Addrs
	}
	if len(pod.Ports) > 0 {
		p.ExposedPorts = pod.Ports
	}
}

// tellNameless says how many containers are called by their ids, and why.
func (c *Completer) tellNameless() {
	n := 0
	var why error
	for _, id := range slices.Sorted(maps.Keys(c.containers)) {
		k := c.containers[id]
		if k.found || !c.hasNameless(k) {
			continue
		}
		n++
		why = worse(why, cmp.Or(k.err, errNoAnswer))
	}
	if n == 0 {
		return
	}
	g := flow.Gap{Code: "container_names", Reason: plural(n) + " called by the id: "}
	switch {
	case isMissing(why):
		g.Reason += "no runtime that is known here keeps state of it"
		g.Fix = "let this program see the state of the runtime (below /run and /var/lib)"
	case errors.Is(why, fs.ErrPermission):
		g.Reason += text(why.Error())
		g.Fix = "run as root, or give the program CAP_DAC_READ_SEARCH"
	default:
		g.Reason += text(why.Error())
	}
	c.emit(&g)
}

// hasNameless reports whether a process of a container is on the map and has no
// other name for where it runs.
func (c *Completer) hasNameless(k *knownContainer) bool {
	for key := range k.members {
		if t := c.told[key]; t.process.Pod.Name == "" && t.process.ContainerName == "" {
			return true
		}
	}
	return false
}

var errNoAnswer = errors.New("its runtime has not answered yet")

func plural(n int) string {
	if n == 1 {
		return "1 container is"
	}
	return strconv.Itoa(n) + " containers are"
}
