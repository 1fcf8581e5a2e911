package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// wantedModules are what the lab uses, and what takes them along: the guest has
// no modprobe, so they are loaded before.
var wantedModules = []string{"veth", "bridge", "nf_tables", "nft_chain_nat", "nft_nat", "nft_masq", "nft_redir", "nft_ct", "nft_limit",
	"nft_numgen", "nft_counter", "nf_conntrack_netlink", "nft_reject_inet", "nft_reject_ipv4", "unix_diag", "inet_diag", "tcp_diag", "udp_diag"}

// module is a kernel module with its bytes, not compressed.
type module struct {
	name string
	data []byte
}

func (m module) guestPath() string { return "/modules/" + m.name + ".ko" }

// closure are the modules of these names and all they depend on, in the order
// to load them. A name that the kernel does not have is built in, or not there.
func (f files) closure(names []string) ([]module, error) {
	paths := map[string]string{}
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if base, _, ok := strings.Cut(d.Name(), ".ko"); ok {
			paths[strings.ReplaceAll(base, "-", "_")] = path
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find the modules: %w", err)
	}
	return order(names, func(name string) (module, []string, error) {
		path, ok := paths[name]
		if !ok {
			return module{}, nil, nil
		}
		data, err := moduleBytes(path)
		if err != nil {
			return module{}, nil, err
		}
		needs, err := dependencies(data)
		return module{name, data}, needs, err
	})
}

// order puts what is needed before what needs it.
func order(names []string, open func(string) (module, []string, error)) ([]module, error) {
	var out []module
	met := map[string]bool{}
	var visit func(name string) error
	visit = func(name string) error {
		name = strings.ReplaceAll(name, "-", "_")
		if met[name] {
			return nil
		}
		met[name] = true
		m, needs, err := open(name)
		if err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
		for _, n := range needs {
			if err := visit(n); err != nil {
				return err
			}
		}
		if m.data != nil {
			out = append(out, m)
		}
		return nil
	}
	for _, name := range names {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func moduleBytes(path string) ([]byte, error) {
	if strings.HasSuffix(path, ".ko") {
		return os.ReadFile(path)
	}
	if !strings.HasSuffix(path, ".xz") {
		return nil, fmt.Errorf("%s is compressed in a way that is not known", path)
	}
	out, err := exec.Command("xz", "-dc", path).Output()
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", path, err)
	}
	return out, nil
}

// dependencies reads the names after "depends=" in a module's .modinfo, which is
// a list of strings that each end with a zero byte.
func dependencies(ko []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return nil, err
	}
	info := f.Section(".modinfo")
	if info == nil {
		return nil, fmt.Errorf("it has no .modinfo")
	}
	data, err := info.Data()
	if err != nil {
		return nil, err
	}
	return dependsOf(data), nil
}

func dependsOf(modinfo []byte) []string {
	for _, line := range bytes.Split(modinfo, []byte{0}) {
		if list, ok := strings.CutPrefix(string(line), "depends="); ok {
			return slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return s == "" })
		}
	}
	return nil
}
