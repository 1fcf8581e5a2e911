package ebpf

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// programs are what runs in the kernel, and the maps they share. All of it goes
// when the process ends, however it ends: nothing is pinned.
type programs struct {
	core  *ebpf.Collection // owns maps and programs
	maps  peerscopeMaps
	vars  variables
	looks struct{ files, namespace *ebpf.Program }
	links []link.Link
	udp   flows
	unix  flows
	rung  string
	gaps  []flow.Gap
}

// variables are what is changed while the programs run.
type variables struct {
	adopting, look, woken, deep *ebpf.Variable
}

// settings are fixed when the programs are loaded.
type settings struct {
	inodes     []uint64 // of the namespaces to observe; nil: all
	maxTracked uint32
	once       bool // one look and nothing else
}

// load loads what the kernel takes and attaches it. The error says in one line
// what is missing and how to get it.
func load(s settings) (*programs, error) {
	p := &programs{}
	if err := p.load(s); err != nil {
		p.close()
		return nil, explain(err, here())
	}
	return p, nil
}

func (p *programs) load(s settings) error {
	// Before 5.11 maps count against RLIMIT_MEMLOCK.
	if err := rlimit.RemoveMemlock(); err != nil {
		return fmt.Errorf("raise the limit of locked memory: %w", err)
	}
	spec, err := loadPeerscope()
	if err != nil {
		return fmt.Errorf("read the programs: %w", err)
	}
	for name, value := range map[string]any{
		peerscopeVarOnlySome: s.inodes != nil, peerscopeVarMaxTracked: s.maxTracked, peerscopeVarOnce: s.once,
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	root, err := rootCgroup()
	if err == nil {
		defer root.Close()
	}
	cache := btf.NewCache()
	kernel, err := cache.Kernel()
	if err != nil {
		return fmt.Errorf("read the kernel's types: %w", err)
	}
	wanted, hooks := required, []hook(nil)
	if s.once {
		wanted, p.rung = forOneLook, rungTracepoints
	} else {
		hooks, p.rung = choose(kernel)
	}
	// All at once if the kernel takes it; what it refuses is found one by one.
	options := ebpf.CollectionOptions{Cache: cache}
	core, err := ebpf.NewCollectionWithOptions(only(spec, wanted, hooks), options)
	if err != nil {
		core, err = ebpf.NewCollectionWithOptions(only(spec, wanted), options)
	}
	if err != nil {
		return err
	}
	p.core = core
	p.maps = peerscopeMaps{Events: core.Maps[peerscopeMapEvents], Losses: core.Maps[peerscopeMapLosses],
		Namespaces: core.Maps[peerscopeMapNamespaces], MessageOwners: core.Maps[peerscopeMapMessageOwners], Udp: core.Maps[peerscopeMapUdp], Unix: core.Maps[peerscopeMapUnix]}
	p.vars = variables{adopting: core.Variables[peerscopeVarAdopting], look: core.Variables[peerscopeVarLook], woken: core.Variables[peerscopeVarWoken], deep: core.Variables[peerscopeVarDeep]}
	for _, inode := range s.inodes {
		if err := p.maps.Namespaces.Put(uint32(inode), uint8(1)); err != nil {
			return fmt.Errorf("select a namespace: %w", err)
		}
	}
	if p.udp, err = newFlows(p.maps.Udp, spec.Maps[peerscopeMapUdp]); err != nil {
		return err
	}
	if p.unix, err = newFlows(p.maps.Unix, spec.Maps[peerscopeMapUnix]); err != nil {
		return err
	}
	p.looks.files = core.Programs[peerscopeProgLookAtFiles]
	p.looks.namespace = core.Programs[peerscopeProgLookAtNamespace]
	if s.once {
		return nil
	}
	if err := p.attach(core.Programs[peerscopeProgSetState]); err != nil {
		return err
	}
	options.MapReplacements = core.Maps
	for _, h := range hooks {
		if err := p.tryHook(spec, options, h, root); err != nil {
			p.lacks(h, err)
		}
	}
	return nil
}

func (p *programs) attach(prog *ebpf.Program) error {
	l, err := link.AttachTracing(link.TracingOptions{Program: prog})
	if err != nil {
		return fmt.Errorf("attach %v: %w", prog, err)
	}
	p.links = append(p.links, l)
	return nil
}

func (p *programs) tryHook(spec *ebpf.CollectionSpec, options ebpf.CollectionOptions, h hook, root *os.File) error {
	if h.cgroup != ebpf.AttachNone && root == nil {
		return errNoCgroup
	}
	prog := p.core.Programs[h.name]
	if prog == nil {
		one, err := ebpf.NewCollectionWithOptions(only(spec, []hook{h}), options)
		if err != nil {
			return err
		}
		defer one.Close()
		prog = one.DetachProgram(h.name)
		p.core.Programs[h.name] = prog // closed with the others
	}
	switch {
	case h.name == peerscopeProgLookAtNamespace:
		p.looks.namespace = prog // runs when it is asked
		return nil
	case h.cgroup == ebpf.AttachNone:
		return p.attach(prog)
	}
	l, err := link.AttachCgroup(link.CgroupOptions{Path: root.Name(), Attach: h.cgroup, Program: prog})
	if err != nil {
		return fmt.Errorf("attach %s: %w", h.name, err)
	}
	p.links = append(p.links, l)
	return nil
}

// lacks tells what a hook that is missing takes along, once for each code.
func (p *programs) lacks(h hook, err error) {
	if h.code == codeMessages {
		p.rung = rungTCP
	}
	if h.lost == "" || slices.ContainsFunc(p.gaps, func(g flow.Gap) bool { return g.Code == h.code }) {
		return
	}
	p.gaps = append(p.gaps, flow.Gap{Code: h.code, Reason: h.lost, Fix: h.fixOf(err)})
}

func (p *programs) close() {
	for _, l := range p.links {
		l.Close()
	}
	p.udp.close()
	p.unix.close()
	if p.core != nil {
		p.core.Close()
	}
}

// rootCgroup opens the root of the cgroup v2 hierarchy.
func rootCgroup() (*os.File, error) {
	for _, path := range [...]string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var st unix.Statfs_t
		if err := unix.Statfs(path, &st); err == nil && st.Type == unix.CGROUP2_SUPER_MAGIC {
			return os.Open(path)
		}
	}
	return nil, errNoCgroup
}

// firstLine keeps what the kernel said to one line.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
