package peerscope

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// architecture says what each package is and which packages of this module it
// may import. It is the architecture: a new package needs a line here, and the
// reason in its commit.
var architecture = map[string]struct {
	kind    kind
	imports []string
}{
	"internal/flow":                {pure, nil},
	"internal/spelling":            {pure, nil},
	"internal/accept":              {pure, nil},
	"internal/redact":              {pure, nil},
	"internal/attribution":         {pure, []string{"internal/flow"}},
	"internal/topology":            {pure, []string{"internal/flow"}},
	"internal/filter":              {pure, []string{"internal/flow", "internal/topology", "internal/spelling"}},
	"internal/view":                {pure, []string{"internal/flow", "internal/topology", "internal/filter", "internal/layout"}},
	"internal/layout":              {pure, nil},
	"internal/policy":              {pure, []string{"internal/flow", "internal/topology"}},
	"internal/mesh":                {pure, []string{"internal/flow"}},
	"internal/capture/nlsocket":    {in, nil},
	"internal/capture/netns":       {in, []string{"internal/flow", "internal/capture/nlsocket"}},
	"internal/capture/pace":        {in, []string{"internal/flow"}},
	"internal/capture/netlink":     {in, []string{"internal/flow", "internal/capture/netns", "internal/capture/nlsocket", "internal/capture/pace"}},
	"internal/capture/ebpf":        {in, []string{"internal/flow", "internal/capture/netns", "internal/capture/pace"}},
	"internal/capture/capturetest": {lab, []string{"internal/capture/nlsocket"}},
	"internal/conntrack":           {in, []string{"internal/flow", "internal/capture/nlsocket", "internal/capture/pace"}},
	"internal/identity":            {in, []string{"internal/flow", "internal/redact"}},
	"internal/kubernetes":          {in, []string{"internal/flow"}},
	"internal/config":              {in, []string{"internal/spelling"}},
	"internal/recording":           {in, []string{"internal/flow"}},
	"internal/screen":              {out, nil},
	"internal/export":              {out, []string{"internal/topology", "internal/flow", "internal/spelling", "internal/screen", "internal/view", "internal/layout"}},
	"web":                          {out, nil},
	"web/build":                    {lab, nil},
	"internal/server":              {out, []string{"internal/topology", "internal/flow", "internal/filter", "internal/view", "internal/layout", "internal/redact", "internal/spelling", "internal/accept"}},
	"internal/metrics":             {out, []string{"internal/topology", "internal/flow", "internal/accept"}},
	"internal/tui":                 {out, []string{"internal/flow", "internal/topology", "internal/filter", "internal/view", "internal/screen"}},
	"internal/history":             {out, []string{"internal/topology"}},
	"cmd/peerscope":                {command, nil},
	"test/overhead":                {lab, nil},
	"test/soak":                    {lab, []string{"internal/attribution", "internal/flow", "internal/history", "internal/metrics", "internal/topology"}},
	"test/kernels":                 {lab, nil},
	"test/receivers/collector":     {lab, nil},
	"test/demo":                    {lab, nil},
	"test/e2e":                     {lab, []string{"internal/topology", "test/e2e/script"}},
	"test/e2e/actor":               {lab, []string{"test/e2e/script"}},
	"test/e2e/script":              {lab, nil},
}

type kind int

const (
	pure    kind = iota // decides; no I/O, no clock, no goroutines
	in                  // brings facts from outside
	out                 // shows maps
	command             // knows them all
	lab                 // judges the program from outside
)

// impure are packages of the standard library that a pure package must not
// import: what happens outside comes in as arguments and goes out as results.
var impure = []string{"os", "os/exec", "io/fs", "io/ioutil", "net", "net/http", "syscall", "context", "sync", "sync/atomic", "log", "log/slog", "math/rand", "math/rand/v2", "runtime", "unsafe"}

const module = "peerscope/"

// TestArchitecture reads every source file itself, so that the test cache knows
// what it depends on.
func TestArchitecture(t *testing.T) {
	seen := map[string]bool{}
	eachPackage(t, func(dir string, files []*ast.File) {
		rule, listed := architecture[dir]
		if !listed {
			t.Errorf("%s is not in the architecture: add it to the table in arch_test.go, with its reason in the commit", dir)
			return
		}
		seen[dir] = true
		for _, f := range files {
			for _, i := range f.Imports {
				checkImport(t, dir, rule.kind, rule.imports, i)
			}
			if rule.kind == pure {
				checkNoClock(t, dir, f)
			}
			checkNoInit(t, dir, f)
		}
	})
	for dir := range architecture {
		if !seen[dir] {
			t.Errorf("%s is in the architecture, but not in the tree", dir)
		}
	}
}

func checkImport(t *testing.T, dir string, k kind, allowed []string, i *ast.ImportSpec) {
	t.Helper()
	name, err := strconv.Unquote(i.Path.Value)
	if err != nil {
		t.Fatal(err)
	}
	if own, ok := strings.CutPrefix(name, module); ok {
		if k != command && !slices.Contains(allowed, own) {
			t.Errorf("%s imports %s, which the architecture does not allow", dir, own)
		}
		return
	}
	if k == pure && (slices.Contains(impure, name) || strings.Contains(name, ".")) {
		t.Errorf("%s is pure and imports %s", dir, name)
	}
	if dir == "internal/flow" && strings.Contains(name, ".") {
		t.Errorf("%s imports %s, but the vocabulary stands on the standard library alone", dir, name)
	}
}

// checkNoClock: a pure package never asks what time it is.
func checkNoClock(t *testing.T, dir string, f *ast.File) {
	t.Helper()
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && (s.Sel.Name == "Now" || s.Sel.Name == "Since") {
				t.Errorf("%s is pure and calls time.%s", dir, s.Sel.Name)
			}
		}
		if _, ok := n.(*ast.GoStmt); ok {
			t.Errorf("%s is pure and starts a goroutine", dir)
		}
		return true
	})
}

func checkNoInit(t *testing.T, dir string, f *ast.File) {
	t.Helper()
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			t.Errorf("%s has an init function", dir)
		}
	}
}

// TestPackageComments: every package says in one place, in a sentence a
// newcomer can repeat, what it is.
func TestPackageComments(t *testing.T) {
	eachPackage(t, func(dir string, files []*ast.File) {
		comments := 0
		for _, f := range files {
			if f.Doc == nil {
				continue
			}
			comments++
			want := "Package " + path.Base(dir) + " "
			if f.Name.Name == "main" {
				want = "Command " + path.Base(dir) + " "
			}
			if !strings.HasPrefix(f.Doc.Text(), want) {
				t.Errorf("%s: the package comment begins %q, want %q", dir, firstWords(f.Doc.Text()), want)
			}
		}
		if comments != 1 {
			t.Errorf("%s has %d package comments, want 1", dir, comments)
		}
	})
}

func firstWords(s string) string { return s[:min(len(s), 30)] }

// eachPackage parses the non-test files of every package.
func eachPackage(t *testing.T, f func(dir string, files []*ast.File)) {
	t.Helper()
	packages := map[string][]*ast.File{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "bin" || strings.HasPrefix(d.Name(), ".") && name != ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(name))
		packages[dir] = append(packages[dir], file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, files := range packages {
		f(dir, files)
	}
}
