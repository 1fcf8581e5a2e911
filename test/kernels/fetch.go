package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// files are what is used of a kernel's package.
type files struct {
	dir     string // the package, unpacked
	release string // as uname -r says
	version string // of the package
}

func (f files) kernel() string { return filepath.Join(f.dir, "boot", "vmlinuz-"+f.release) }

// fetch gets a kernel through apt, with lists and cache of its own: the host's
// sources stay as they are. What was fetched once is used again.
func fetch(ctx context.Context, k kernel, cache string) (files, error) {
	dir := filepath.Join(cache, k.name)
	if f, err := unpacked(dir); err == nil {
		return f, nil
	}
	apt, err := newApt(dir, k.source)
	if err != nil {
		return files{}, err
	}
	if _, err := apt.run(ctx, "apt-get", "-qq", "update"); err != nil {
		return files{}, err
	}
	name, err := apt.dependency(ctx, k.meta)
	if err != nil {
		return files{}, err
	}
	if _, err := apt.run(ctx, "apt-get", "-qq", "download", name); err != nil {
		return files{}, err
	}
	debs, err := filepath.Glob(filepath.Join(dir, name+"_*.deb"))
	if err != nil || len(debs) != 1 {
		return files{}, fmt.Errorf("apt fetched %d packages %s into %s, want one", len(debs), name, dir)
	}
	if err := unpack(ctx, debs[0], dir); err != nil {
		return files{}, err
	}
	return unpacked(dir)
}

// unpack takes a package apart; the folder appears complete or not at all.
func unpack(ctx context.Context, deb, dir string) error {
	part := filepath.Join(dir, "unpacking")
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("clear %s: %w", part, err)
	}
	if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", deb, part).CombinedOutput(); err != nil {
		return fmt.Errorf("unpack %s: %w: %s", deb, err, out)
	}
	_, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(deb), "_amd64.deb"), "_")
	if err := os.WriteFile(filepath.Join(part, "version"), []byte(version), 0o644); err != nil {
		return fmt.Errorf("note the version: %w", err)
	}
	if err := os.Rename(part, filepath.Join(dir, "package")); err != nil {
		return fmt.Errorf("keep the package: %w", err)
	}
	return os.Remove(deb)
}

// unpacked is what an earlier run left.
func unpacked(dir string) (files, error) {
	f := files{dir: filepath.Join(dir, "package")}
	version, err := os.ReadFile(filepath.Join(f.dir, "version"))
	if err != nil {
		return files{}, err
	}
	f.version = string(version)
	found, _ := filepath.Glob(filepath.Join(f.dir, "boot", "vmlinuz-*"))
	if len(found) != 1 {
		return files{}, fmt.Errorf("%s has %d kernels, want one: remove the folder", f.dir, len(found))
	}
	f.release = strings.TrimPrefix(filepath.Base(found[0]), "vmlinuz-")
	return f, nil
}

// apt is apt with folders of its own.
type apt struct {
	dir     string
	options []string
}

func newApt(dir, source string) (*apt, error) {
	lists, archives := filepath.Join(dir, "lists"), filepath.Join(dir, "archives")
	for _, d := range []string{filepath.Join(lists, "partial"), filepath.Join(archives, "partial")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("make the cache: %w", err)
		}
	}
	sources := filepath.Join(dir, "sources.list")
	if err := os.WriteFile(sources, []byte(source+"\n"), 0o644); err != nil {
		return nil, fmt.Errorf("write the sources: %w", err)
	}
	a := &apt{dir: dir}
	for _, o := range []string{"Dir::Etc::sourcelist=" + sources, "Dir::Etc::sourceparts=-", "Dir::State::lists=" + lists,
		"Dir::Cache=" + archives, "Dir::Cache::archives=" + archives, "APT::Architecture=amd64", "APT::Sandbox::User=root"} {
		a.options = append(a.options, "-o", o)
	}
	return a, nil
}

func (a *apt) run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, append(append([]string{}, a.options...), args...)...)
	cmd.Dir = a.dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

// dependency is the package that a meta package stands for.
func (a *apt) dependency(ctx context.Context, meta string) (string, error) {
	out, err := a.run(ctx, "apt-cache", "show", "--no-all-versions", meta)
	if err != nil {
		return "", err
	}
	return dependency(out)
}

var dependsLine = regexp.MustCompile(`(?m)^Depends: (linux-image-[^ ,]+)`)

// dependency reads it from what apt-cache shows.
func dependency(shown string) (string, error) {
	m := dependsLine.FindStringSubmatch(shown)
	if m == nil {
		return "", errors.New("the package depends on no kernel")
	}
	return m[1], nil
}

// needPrograms says at once what has to be installed.
func needPrograms() error {
	var missing []string
	for _, p := range [...]struct{ program, pkg string }{
		{"qemu-system-x86_64", "qemu-system-x86"}, {"apt-get", "apt"}, {"dpkg-deb", "dpkg"}, {"xz", "xz-utils"},
		{"ip", "iproute2"}, {"nft", "nftables"}, {"ldd", "libc-bin"},
	} {
		if _, err := exec.LookPath(p.program); err != nil {
			missing = append(missing, p.pkg)
		}
	}
	if missing != nil {
		return fmt.Errorf("programs are missing: apt-get install --no-install-recommends %s", strings.Join(missing, " "))
	}
	return nil
}
