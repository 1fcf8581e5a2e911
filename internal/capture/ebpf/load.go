package ebpf

import (
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"

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
	adopting, look, window, recount, unchanged, woken, deep *ebpf.Variable
}

// settings are fixed when the programs are loaded.
type settings struct {
	inodes     []uint64 // of the namespaces to observe; nil: all
	maxTracked uint32
	ring       uint32 // bytes of the ring buffer; 0: as many as are good for a host
	once       bool   // one look and nothing else
	netCookies bool   // namespaces are named by their cookies
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
	l, err := newLoader(s)
	if err != nil {
		return err
	}
	defer l.close()
	p.rung = l.rung
	if p.core, err = l.core(); err != nil {
		return err
	}
	if err := p.share(l.spec, s); err != nil || s.once {
		return err
	}
	l.options.MapReplacements = p.core.Maps
	return p.attachAll(l)
}

// share prepares the maps and variables that the programs and this process share.
func (p *programs) share(spec *ebpf.CollectionSpec, s settings) error {
	core := p.core
	p.maps = peerscopeMaps{Events: core.Maps[peerscopeMapEvents], Losses: core.Maps[peerscopeMapLosses],
		Namespaces: core.Maps[peerscopeMapNamespaces], MessageOwners: core.Maps[peerscopeMapMessageOwners], Udp: core.Maps[peerscopeMapUdp], Unix: core.Maps[peerscopeMapUnix]}
	p.vars = variables{adopting: core.Variables[peerscopeVarAdopting], look: core.Variables[peerscopeVarLook],
		window: core.Variables[peerscopeVarWindow], recount: core.Variables[peerscopeVarRecount], unchanged: core.Variables[peerscopeVarUnchanged], woken: core.Variables[peerscopeVarWoken], deep: core.Variables[peerscopeVarDeep]}
	p.looks.files = core.Programs[peerscopeProgLookAtFiles]
	p.looks.namespace = core.Programs[peerscopeProgLookAtNamespace]
	for _, inode := range s.inodes {
		if err := p.maps.Namespaces.Put(uint32(inode), uint8(1)); err != nil {
			return fmt.Errorf("select a namespace: %w", err)
		}
	}
	var err error
	if p.udp, err = newFlows(p.maps.Udp, spec.Maps[peerscopeMapUdp]); err != nil {
		return err
	}
	p.unix, err = newFlows(p.maps.Unix, spec.Maps[peerscopeMapUnix])
	return err
}

// attachAll attaches what is required and what can be had beyond it. By address
// nothing may be kept before the end of sockets is told.
func (p *programs) attachAll(l *loader) error {
	if !l.atSocket {
		if err := p.tryHook(l, freed); err != nil {
			return fmt.Errorf("learn which sockets are freed: %w", err)
		}
	}
	if err := p.tryHook(l, hook{name: peerscopeProgSetState}); err != nil {
		return err
	}
	for _, h := range l.missing {
		p.lacks(h, errNotThere)
	}
	for _, h := range l.hooks {
		if err := p.tryHook(l, h); err != nil {
			p.lacks(h, err)
		}
	}
	return nil
}

// tryHook loads a hook, unless that is done, and attaches it.
func (p *programs) tryHook(l *loader, h hook) error {
	err := p.hook(l, h)
	if err != nil && h.instead != nil && p.tryHook(l, *h.instead) == nil {
		return nil
	}
	return err
}

func (p *programs) hook(l *loader, h hook) error {
	if h.cgroup != ebpf.AttachNone && l.root == nil {
		return errNoCgroup
	}
	prog := p.core.Programs[h.name]
	if prog == nil {
		one, err := ebpf.NewCollectionWithOptions(only(l.spec, []hook{h}), l.options)
		if err != nil {
			return err
		}
		defer one.Close()
		prog = one.DetachProgram(h.name)
		p.core.Programs[h.name] = prog // closed with the others
	}
	if h.name == peerscopeProgLookAtNamespace {
		p.looks.namespace = prog // runs when it is asked
		return nil
	}
	return p.attach(l, h, prog)
}

// attach puts a program where it belongs until the links are closed.
func (p *programs) attach(l *loader, h hook, prog *ebpf.Program) error {
	var at link.Link
	var err error
	switch {
	case h.cgroup != ebpf.AttachNone:
		at, err = link.AttachCgroup(link.CgroupOptions{Path: l.root.Name(), Attach: h.cgroup, Program: prog})
	case h.kprobe != "":
		at, err = link.Kprobe(h.kprobe, prog, nil)
	default:
		at, err = link.AttachTracing(link.TracingOptions{Program: prog})
	}
	if err != nil {
		return fmt.Errorf("attach %s: %w", h.name, err)
	}
	p.links = append(p.links, at)
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
