package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"peerscope/internal/spelling"
)

// Loaded is a configuration and where each of its values came from.
type Loaded struct {
	Config
	// Origins is by path, as history.max_size: a file and line, a variable or a
	// flag. What is not in it is the default.
	Origins map[string]string
	// Files were read, in this order.
	Files []string
	// Unknown are variables that look like ours and set nothing.
	Unknown []string
	// Restart are the paths of what was read again and takes a restart to hold.
	Restart []string
}

// New is the default configuration.
func New() *Loaded { return &Loaded{Config: Default(), Origins: map[string]string{}} }

// maxFile bounds a file, so that a wrong path does not fill the memory.
const maxFile = 1 << 20

// File reads a file over what is there already. Nothing is changed if it has an
// error; the error says file, line and what would be right.
func (l *Loaded) File(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("open the configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	if len(data) > maxFile {
		return fmt.Errorf("%s is larger than a configuration can be (1 MiB)", name)
	}
	if err := l.Parse(name, data); err != nil {
		return err
	}
	l.Files = append(l.Files, name)
	return nil
}

// Parse reads YAML; name is for errors and origins.
func (l *Loaded) Parse(name string, data []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return syntax(name, err)
	}
	if len(doc.Content) == 0 {
		return nil // empty, or comments only
	}
	next := *l
	next.Origins = map[string]string{}
	for k, v := range l.Origins {
		next.Origins[k] = v
	}
	next.Config = l.clone()
	r := reader{name: name, all: fields(&next.Config), origins: next.Origins}
	r.mapping("", doc.Content[0])
	if len(r.errs) > 0 {
		return errors.Join(r.errs...)
	}
	*l = next
	return nil
}

// clone shares nothing that can be changed.
func (c Config) clone() Config {
	c.Namespaces = slices.Clone(c.Namespaces)
	headers := map[string]string{}
	for k, v := range c.Exporters.OTLP.Headers {
		headers[k] = v
	}
	c.Exporters.OTLP.Headers = headers
	return c
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax puts the line of a YAML error where all others have it.
func syntax(name string, err error) error {
	text := err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil && m[1] != "" {
		return fmt.Errorf("%s:%s: %s", name, m[1], text[len(m[0]):])
	}
	return fmt.Errorf("%s: %s", name, yamlLine.ReplaceAllString(text, ""))
}

// reader walks one file.
type reader struct {
	name    string
	all     []field
	origins map[string]string
	errs    []error
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s:%d: %w", r.name, n.Line, fmt.Errorf(format, args...)))
}

// mapping reads the keys below a path.
func (r *reader) mapping(path string, n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		if n.Tag != "!!null" {
			r.fail(n, "%s has keys below it, each on a line of its own", orTop(path))
		}
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if line, twice := seen[key.Value]; twice {
			r.fail(key, "%q is there twice, first on line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		full := key.Value
		if path != "" {
			full = path + "." + key.Value
		}
		f := find(r.all, full)
		switch {
		case f == nil || strings.Contains(key.Value, "."):
			r.unknown(path, key)
		case f.group:
			r.mapping(full, value)
		default:
			r.value(f, key, value)
		}
	}
}

func orTop(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func (r *reader) unknown(path string, key *yaml.Node) {
	known := below(r.all, path)
	where := ""
	if path != "" {
		where = " below " + path
	}
	if near := spelling.Nearest(key.Value, known); near != "" {
		r.fail(key, "unknown key %q%s, did you mean %q?", key.Value, where, near)
		return
	}
	if f := find(r.all, key.Value); f != nil {
		r.fail(key, "unknown key %q%s: keys are written one below the other, each on a line of its own", key.Value, where)
		return
	}
	// It may be at home elsewhere.
	for _, f := range r.all {
		if strings.HasSuffix(f.path, "."+key.Value) {
			r.fail(key, "unknown key %q%s, did you mean %s?", key.Value, where, f.path)
			return
		}
	}
	r.fail(key, "unknown key %q%s; there are: %s", key.Value, where, strings.Join(known, ", "))
}

// value reads what is not a group.
func (r *reader) value(f *field, key, n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	r.origins[f.path] = r.name + ":" + strconv.Itoa(key.Line)
	wrong := func(err error) { r.fail(n, "%s: %q: %w", f.path, n.Value, err) }
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		f.value.SetZero()
	case n.Kind == yaml.ScalarNode:
		if f.value.Kind() == reflect.Slice {
			f.value.Set(reflect.ValueOf([]string{n.Value}))
			return
		}
		if f.value.Kind() == reflect.Map {
			r.fail(n, "%s is written as keys and values, each on a line of its own", f.path)
			return
		}
		if err := f.set(n.Value); err != nil {
			wrong(err)
		}
	case n.Kind == yaml.SequenceNode && f.value.Kind() == reflect.Slice:
		list := []string{}
		for _, c := range n.Content {
			if c.Kind != yaml.ScalarNode {
				r.fail(c, "%s is a list of words", f.path)
				return
			}
			list = append(list, c.Value)
		}
		f.value.Set(reflect.ValueOf(list))
	case n.Kind == yaml.MappingNode && f.value.Kind() == reflect.Map:
		m := map[string]string{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i+1].Kind != yaml.ScalarNode {
				r.fail(n.Content[i+1], "%s.%s is one word", f.path, n.Content[i].Value)
				return
			}
			m[n.Content[i].Value] = n.Content[i+1].Value
		}
		f.value.Set(reflect.ValueOf(m))
	default:
		r.fail(n, "%s is one value", f.path)
	}
}
