package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Where things are in the guest.
const (
	guestTool  = "/bin/peerscope"
	guestLab   = "/bin/lab"
	guestActor = "/bin/actor"
	guestTests = "/bin/tests"
	guestPlan  = "/plan.json"
)

// base is what the initial file systems of all kernels share: path in the guest
// to path here.
type base struct{ programs map[string]string }

// newBase builds the tree's own programs and finds Debian's.
func newBase(ctx context.Context, work string) (*base, error) {
	b := &base{programs: map[string]string{}}
	for to, args := range map[string][]string{
		"/init":    {"build", "-o", "", "./test/kernels"},
		guestTool:  {"build", "-o", "", "./cmd/peerscope"},
		guestActor: {"build", "-o", "", "./test/e2e/actor"},
		guestLab:   {"test", "-c", "-o", "", "./test/e2e"},
		guestTests: {"test", "-c", "-o", "", "./internal/capture/ebpf"},
	} {
		here := filepath.Join(work, path.Base(to))
		args[slices.Index(args, "")] = here
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
		b.programs[to] = here
	}
	for _, name := range []string{"ip", "nft"} {
		if err := b.debian(ctx, name); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// debian takes a program of this machine along, with its libraries.
func (b *base) debian(ctx context.Context, name string) error {
	here, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "ldd", here).Output()
	if err != nil {
		return fmt.Errorf("find the libraries of %s: %w", name, err)
	}
	b.programs["/bin/"+name] = here
	for _, lib := range libraries(string(out)) {
		b.programs[lib] = lib
	}
	return nil
}

var libraryPath = regexp.MustCompile(`(?m)(/\S+) \(0x[0-9a-f]+\)$`)

// libraries are the paths that ldd shows.
func libraries(ldd string) []string {
	var out []string
	for _, m := range libraryPath.FindAllStringSubmatch(ldd, -1) {
		out = append(out, m[1])
	}
	return out
}

// write makes the initial file system of one kernel.
func (b *base) write(to string, modules []module, p plan) error {
	f, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("make the initial file system: %w", err)
	}
	defer f.Close()
	buffered := bufio.NewWriterSize(f, 1<<20)
	a := newArchive(buffered)
	for _, dir := range []string{"/proc", "/sys", "/dev", "/run", "/tmp", "/etc"} {
		a.dir(dir)
	}
	a.file("/etc/passwd", []byte("root:x:0:0:root:/root:/bin/sh\n"), 0o644)
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	a.file(guestPlan, text, 0o644)
	for _, m := range modules {
		a.file(m.guestPath(), m.data, 0o644)
	}
	for to, here := range b.programs {
		data, err := os.ReadFile(here)
		if err != nil {
			return fmt.Errorf("read a program: %w", err)
		}
		a.file(to, data, 0o755)
	}
	if err := a.close(); err != nil {
		return fmt.Errorf("write the initial file system: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write the initial file system: %w", err)
	}
	return f.Close()
}

// archive writes the "newc" form of cpio, which the kernel unpacks: each entry
// is a head of 110 ASCII characters, a name that ends with a zero byte and the
// content, both filled up to a multiple of four bytes.
type archive struct {
	w    io.Writer
	made map[string]bool // folders
	node int
	err  error
}

func newArchive(w io.Writer) *archive { return &archive{w: w, made: map[string]bool{"/": true}} }

const (
	modeDir  = 0o040000
	modeFile = 0o100000
)

func (a *archive) dir(name string) {
	if a.made[name] {
		return
	}
	a.made[name] = true
	a.dir(path.Dir(name))
	a.entry(name, modeDir|0o755, nil)
}

func (a *archive) file(name string, data []byte, perm int) {
	a.dir(path.Dir(name))
	a.entry(name, modeFile|perm, data)
}

func (a *archive) close() error {
	a.entry("/TRAILER!!!", 0, nil)
	return a.err
}

func (a *archive) entry(name string, mode int, data []byte) {
	name = strings.TrimPrefix(name, "/")
	a.node++
	head := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.node, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
	a.put([]byte(head))
	a.put(data)
}

// put writes and fills up.
func (a *archive) put(b []byte) {
	if a.err == nil {
		_, a.err = a.w.Write(b)
	}
	if n := len(b) % 4; n != 0 && a.err == nil {
		_, a.err = a.w.Write(make([]byte, 4-n))
	}
}
