package ebpf

import (
	"fmt"
	"os"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// loader knows what this kernel takes.
type loader struct {
	choice
	spec     *ebpf.CollectionSpec
	options  ebpf.CollectionOptions
	atSocket bool // programs keep what they know at the socket, not by its address
	once     bool
	root     *os.File // of cgroup v2; nil: there is none
}

func newLoader(s settings) (*loader, error) {
	l := &loader{once: s.once}
	var err error
	if l.spec, err = loadPeerscope(); err != nil {
		return nil, fmt.Errorf("read the programs: %w", err)
	}
	l.options.Cache = btf.NewCache()
	kernel, err := l.options.Cache.Kernel()
	if err != nil {
		return nil, fmt.Errorf("read the kernel's types: %w", err)
	}
	l.atSocket = takes(l.spec, l.options, peerscopeProgKeepsAtSocket)
	if err := s.set(l.spec, l.atSocket); err != nil {
		return nil, err
	}
	l.choice = choose(kernel, l.atSocket)
	if root, err := rootCgroup(); err == nil {
		l.root = root
	}
	return l, nil
}

func (l *loader) close() {
	if l.root != nil {
		l.root.Close()
	}
}

// core loads all at once if the kernel takes it, else what is required: the rest
// is tried one by one.
func (l *loader) core() (*ebpf.Collection, error) {
	if l.once {
		return ebpf.NewCollectionWithOptions(only(l.spec, forOneLook), l.options)
	}
	all := slices.Concat(required, l.hooks)
	if !l.atSocket {
		all = append(all, freed)
	}
	core, err := ebpf.NewCollectionWithOptions(only(l.spec, all), l.options)
	if err != nil {
		core, err = ebpf.NewCollectionWithOptions(only(l.spec, required), l.options)
	}
	return core, err
}

// set fixes what the programs are told before they are loaded.
func (s settings) set(spec *ebpf.CollectionSpec, atSocket bool) error {
	for name, value := range map[string]any{
		peerscopeVarOnlySome: s.inodes != nil, peerscopeVarMaxTracked: s.maxTracked, peerscopeVarOnce: s.once,
		peerscopeVarByAddress: !atSocket, peerscopeVarNetCookie: s.netCookies,
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	if s.ring != 0 {
		spec.Maps[peerscopeMapEvents].MaxEntries = s.ring
	}
	if !atSocket {
		// Both ends of a connection are sockets, and there are others.
		spec.Maps[peerscopeMapConnsAt].MaxEntries = s.maxTracked
		spec.Maps[peerscopeMapNamesAt].MaxEntries = 2 * s.maxTracked
	}
	return nil
}

// takes tries whether the kernel accepts a program.
func takes(spec *ebpf.CollectionSpec, options ebpf.CollectionOptions, name string) bool {
	c, err := ebpf.NewCollectionWithOptions(only(spec, []hook{{name: name}}), options)
	if err != nil {
		return false
	}
	c.Close()
	return true
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
