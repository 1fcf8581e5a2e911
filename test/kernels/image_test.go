package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The archive is what cpio, the program, reads.
func TestArchive(t *testing.T) {
	var b bytes.Buffer
	a := newArchive(&b)
	a.dir("/proc")
	a.file("/bin/one", []byte("12345"), 0o755)
	a.file("/lib/x/two", nil, 0o644)
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	if b.Len()%4 != 0 {
		t.Errorf("%d bytes are no multiple of four", b.Len())
	}
	if got, want := entries(t, b.Bytes()), []string{"proc 040755", "bin 040755", "bin/one 100755 12345", "lib 040755", "lib/x 040755", "lib/x/two 100644", "TRAILER!!! 000000"}; !slices.Equal(got, want) {
		t.Errorf("the entries are %q, want %q", got, want)
	}
	if _, err := exec.LookPath("cpio"); err != nil {
		return // the reader above stands alone
	}
	dir := t.TempDir()
	cmd := exec.Command("cpio", "-id", "--quiet")
	cmd.Dir, cmd.Stdin = dir, &b
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "bin/one")); err != nil || string(got) != "12345" {
		t.Errorf("cpio unpacks %q, %v", got, err)
	}
}

// entries reads the archive by the description of its form.
func entries(t *testing.T, b []byte) []string {
	t.Helper()
	number := func(at int) (n int) {
		for _, c := range b[at : at+8] {
			n = n<<4 | strings.IndexByte("0123456789abcdef", c)
		}
		return n
	}
	full := func(n int) int { return (n + 3) &^ 3 }
	var out []string
	for len(b) > 0 {
		if string(b[:6]) != "070701" {
			t.Fatalf("an entry begins with %q", b[:6])
		}
		mode, size, name := number(14), number(54), number(94)
		data := full(110 + name)
		text := string(b[110:110+name-1]) + " " + octal(mode)
		if size > 0 {
			text += " " + string(b[data:data+size])
		}
		out = append(out, text)
		b = b[data+full(size):]
	}
	return out
}

func octal(n int) string {
	var out [6]byte
	for i := range out {
		out[5-i] = '0' + byte(n>>(3*i)&7)
	}
	return string(out[:])
}

func TestOrder(t *testing.T) {
	needs := map[string][]string{"nft_nat": {"nf_tables", "nf-nat"}, "nf_nat": {"nf_conntrack"}, "nf_conntrack": nil, "nf_tables": nil, "broken": nil}
	open := func(name string) (module, []string, error) {
		list, ok := needs[name]
		switch {
		case name == "broken":
			return module{}, nil, errors.New("broken")
		case !ok:
			return module{}, nil, nil // built in
		}
		return module{name, []byte{1}}, list, nil
	}
	got, err := order([]string{"nft_nat", "nf_tables", "ipv6"}, open)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range got {
		list = append(list, m.name)
	}
	if want := []string{"nf_tables", "nf_conntrack", "nf_nat", "nft_nat"}; !slices.Equal(list, want) {
		t.Errorf("got %v, want %v", list, want)
	}
	if _, err := order([]string{"broken"}, open); err == nil {
		t.Error("a module that cannot be read is no error")
	}
}

func TestDependsOf(t *testing.T) {
	for info, want := range map[string][]string{
		"license=GPL\x00depends=nf_tables,nf_nat\x00name=nft_nat\x00": {"nf_tables", "nf_nat"},
		"depends=\x00name=veth\x00":                                   nil,
		"name=veth":                                                   nil,
	} {
		if got := dependsOf([]byte(info)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", info, got, want)
		}
	}
}

func TestLibraries(t *testing.T) {
	const ldd = "\tlinux-vdso.so.1 (0x00007f4252bbe000)\n\tlibelf.so.1 => /lib/x86_64-linux-gnu/libelf.so.1 (0x00007f4252a42000)\n" +
		"\tlibgone.so => not found\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f4252bc0000)\n"
	if got, want := libraries(ldd), []string{"/lib/x86_64-linux-gnu/libelf.so.1", "/lib64/ld-linux-x86-64.so.2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDependency(t *testing.T) {
	const shown = "Package: linux-image-cloud-amd64\nVersion: 6.12.117-1\nDepends: linux-image-6.12.117+deb13-cloud-amd64 (= 6.12.117-1)\n"
	if got, err := dependency(shown); err != nil || got != "linux-image-6.12.117+deb13-cloud-amd64" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := dependency("Package: other\nDepends: libc6\n"); err == nil {
		t.Error("a package that depends on no kernel is no error")
	}
}

func TestKernelsOf(t *testing.T) {
	if got, err := kernelsOf("6.1,5.10"); err != nil || len(got) != 2 || got[0].name != "6.1" || got[1].name != "5.10" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := kernelsOf(""); err != nil || len(got) != len(allKernels()) {
		t.Errorf("got %v, %v, want all", got, err)
	}
	if _, err := kernelsOf("4.19"); err == nil || !strings.Contains(err.Error(), "6.12") {
		t.Errorf("%v does not say which there are", err)
	}
	// What a kernel cannot play is one of the core.
	for _, k := range allKernels() {
		for name := range k.beyond {
			if !slices.Contains(core(), name) {
				t.Errorf("%s: %s is no core scenario", k.name, name)
			}
		}
	}
}
