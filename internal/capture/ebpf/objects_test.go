package ebpf

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"
)

// TestObjects proves that the committed objects are what their source makes:
// the same bytes, or where the compiler is another one, the same programs and
// maps.
func TestObjects(t *testing.T) {
	if _, err := exec.LookPath("clang"); err != nil {
		if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") != "" {
			t.Fatal("clang is not installed")
		}
		t.Skip("clang is not installed: the objects are not made again (make generate installs it)")
	}
	dir := t.TempDir()
	generate(t, dir)
	for _, name := range []string{"peerscope_x86_bpfel", "peerscope_arm64_bpfel"} {
		want, got := read(t, name+".o"), read(t, filepath.Join(dir, name+".o"))
		if bytes.Equal(want, got) {
			continue
		}
		if version(t) == compiler {
			t.Errorf("%s.o is not what its source makes: run make generate, and commit what it changes", name)
			continue
		}
		if diff := cmp.Diff(contents(t, want), contents(t, got)); diff != "" {
			t.Errorf("%s.o has other programs or maps than its source makes (-committed +made):\n%s", name, diff)
		}
	}
}

// generate runs the command of generate.go into another folder.
func generate(t *testing.T, dir string) {
	t.Helper()
	_, line, ok := strings.Cut(string(read(t, "generate.go")), "//go:generate ")
	if !ok {
		t.Fatal("generate.go has no command")
	}
	line, _, _ = strings.Cut(line, "\n")
	var args []string
	for _, m := range regexp.MustCompile(`"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		args = append(args, m[1]+m[2])
		if m[2] == "bpf2go" {
			args = append(args, "-output-dir", dir)
		}
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "GOPACKAGE=ebpf")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func version(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("clang", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// contents is what an object has, in words.
func contents(t *testing.T, object []byte) map[string]string {
	t.Helper()
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for name, p := range spec.Programs {
		out["program "+name] = p.Type.String() + " " + p.AttachTo + " " + p.SectionName
	}
	for name, m := range spec.Maps {
		if !strings.HasPrefix(name, ".") {
			out["map "+name] = m.String()
		}
	}
	return out
}
