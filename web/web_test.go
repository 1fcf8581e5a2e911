package web_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/web"
)

// TestDistIsReproducible bundles the sources anew and compares: what is
// committed is what the sources say, to the byte.
func TestDistIsReproducible(t *testing.T) {
	out := t.TempDir()
	build := exec.Command("go", "run", "-C", "build", ".", "-out", out)
	if b, err := build.CombinedOutput(); err != nil {
		t.Fatalf("bundle: %v\n%s", err, b)
	}
	want := contents(t, os.DirFS(out))
	got := contents(t, web.Files())
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("files of dist (-bundled +committed):\n%s", diff)
	}
	for name, b := range want {
		if got[name] != b {
			t.Errorf("dist/%s is not what its sources give: run go generate ./web", name)
		}
	}
}

func contents(t *testing.T, files fs.FS) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, name)
		all[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBudget holds what a browser must load.
func TestBudget(t *testing.T) {
	for name, most := range map[string]int{"app.js": 250 << 10, "app.css": 10 << 10} {
		b, err := fs.ReadFile(web.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		var z bytes.Buffer
		w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, %d with gzip", name, len(b), z.Len())
		if z.Len() > most {
			t.Errorf("%s is %d bytes with gzip, want at most %d", name, z.Len(), most)
		}
	}
}

// TestPageKeepsThePolicy: nothing in the page that the content security policy
// would forbid, and nothing that leads outside.
func TestPageKeepsThePolicy(t *testing.T) {
	page, err := fs.ReadFile(web.Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	for what, pattern := range map[string]string{
		"a style element":      `<style`,
		"a style attribute":    `\sstyle=`,
		"a script in the page": `<script[^>]*>[^<]`,
		"a handler":            `\son[a-z]+=`,
		"an address":           `//[a-z]`,
	} {
		if m := regexp.MustCompile(pattern).Find(page); m != nil {
			t.Errorf("index.html has %s: %q", what, m)
		}
	}
	style, err := fs.ReadFile(web.Files(), "app.css")
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`url\(|@import`).Find(style); m != nil {
		t.Errorf("app.css asks for something: %q", m)
	}
}

// TestVendoredLibraries: every file under vendor is listed with its checksum,
// has it, and every library has a licence.
func TestVendoredLibraries(t *testing.T) {
	want := map[string]string{}
	f, err := os.Open("vendor/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		sum, name, ok := strings.Cut(s.Text(), "  ")
		if !ok {
			t.Fatalf("vendor/SHA256SUMS: %q is not a checksum and a name", s.Text())
		}
		want[filepath.Clean(name)] = sum
	}
	got := map[string]string{}
	for name, b := range contents(t, os.DirFS("vendor")) {
		switch name {
		case "SHA256SUMS", "README.md", "fetch.sh":
			continue
		}
		sum := sha256.Sum256([]byte(b))
		got[name] = hex.EncodeToString(sum[:])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("vendored files (-listed +there), vendor/fetch.sh brings them anew:\n%s", diff)
	}
	licences, err := fs.ReadFile(web.Files(), "THIRD_PARTY.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name := range got {
		if path := filepath.Dir(name); filepath.Base(name) == "package.json" && got[filepath.Join(path, "LICENSE")] != "" {
			if !strings.Contains(string(licences), "\n"+filepath.ToSlash(path)+"\n") {
				t.Errorf("THIRD_PARTY.txt does not have %s", path)
			}
		}
	}
}
