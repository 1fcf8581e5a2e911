// Command build bundles the web map: it reads web/src and web/vendor and writes
// web/dist. The same sources give the same bytes, which a test of package web
// proves. It is a module of its own so that the bundler is no dependency of
// Peerscope itself.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	web := flag.String("web", "..", "folder with src and vendor")
	out := flag.String("out", "../dist", "folder to write")
	watch := flag.Bool("watch", false, "bundle again after every change, unminified, with a source map")
	flag.Parse()
	if err := build(*web, *out, *watch); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func build(web, out string, watch bool) error {
	web, err := filepath.Abs(web)
	if err != nil {
		return fmt.Errorf("find the sources: %w", err)
	}
	if out, err = filepath.Abs(out); err != nil {
		return fmt.Errorf("find the output: %w", err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("make the output: %w", err)
	}
	for _, name := range []string{"index.html", "icon.svg"} {
		b, err := os.ReadFile(filepath.Join(web, "src", name))
		if err != nil {
			return fmt.Errorf("copy a file: %w", err)
		}
		if err := os.WriteFile(filepath.Join(out, name), b, 0o644); err != nil {
			return fmt.Errorf("copy a file: %w", err)
		}
	}
	if err := thirdParty(web, out); err != nil {
		return err
	}
	o := options(web, out)
	if watch {
		return rebuild(o)
	}
	if r := api.Build(o); len(r.Errors) > 0 || len(r.Warnings) > 0 {
		return fmt.Errorf("%d errors, %d warnings", len(r.Errors), len(r.Warnings))
	}
	return nil
}

// options name everything that the result depends on. Paths are taken from the
// folder of the sources, so that where the tree lies changes no byte.
func options(web, out string) api.BuildOptions {
	return api.BuildOptions{
		AbsWorkingDir: web,
		EntryPointsAdvanced: []api.EntryPoint{
			{InputPath: "src/main.tsx", OutputPath: "app"},
			{InputPath: "src/style/app.css", OutputPath: "app"},
		},
		Outdir:            out,
		NodePaths:         []string{filepath.Join(web, "vendor")},
		Bundle:            true,
		Write:             true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		JSX:               api.JSXAutomatic,
		JSXImportSource:   "preact",
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		Charset:           api.CharsetUTF8,
		LegalComments:     api.LegalCommentsNone, // THIRD_PARTY.txt has them all
		Define:            map[string]string{"process.env.NODE_ENV": `"production"`},
		TsconfigRaw:       `{"compilerOptions":{"jsx":"react-jsx","jsxImportSource":"preact"}}`,
		LogLevel:          api.LogLevelWarning,
		LogOverride:       map[string]api.LogLevel{"package.json": api.LogLevelSilent}, // of the libraries, not ours
	}
}

func rebuild(o api.BuildOptions) error {
	o.MinifyWhitespace, o.MinifyIdentifiers, o.MinifySyntax = false, false, false
	o.Sourcemap, o.LogLevel = api.SourceMapLinked, api.LogLevelInfo
	c, err := api.Context(o)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	if err := c.Watch(api.WatchOptions{}); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	select {}
}

// thirdParty writes the licences of all that is bundled into one file.
func thirdParty(web, out string) error {
	var names []string
	for _, pattern := range []string{"vendor/*/LICENSE", "vendor/@*/*/LICENSE"} {
		found, err := filepath.Glob(filepath.Join(web, pattern))
		if err != nil {
			return fmt.Errorf("find the licences: %w", err)
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	var b bytes.Buffer
	b.WriteString("The web map of Peerscope contains these libraries, under these licences.\n")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read a licence: %w", err)
		}
		library, err := filepath.Rel(filepath.Join(web, "vendor"), filepath.Dir(name))
		if err != nil {
			return fmt.Errorf("name a library: %w", err)
		}
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", filepath.ToSlash(library), strings.Repeat("=", len(library)), bytes.TrimSpace(text))
	}
	if err := os.WriteFile(filepath.Join(out, "THIRD_PARTY.txt"), b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the licences: %w", err)
	}
	return nil
}
