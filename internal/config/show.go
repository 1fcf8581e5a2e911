package config

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Show writes the configuration as a file that gives it again. With docs every
// key has its meaning before it; with origins, where its value came from behind.
// Secrets are not shown: only the files they are in are named, and of headers
// the names.
func (l *Loaded) Show(w io.Writer, docs, origins bool) error {
	c := l.clone()
	for k := range c.Exporters.OTLP.Headers {
		c.Exporters.OTLP.Headers[k] = "(not shown)"
	}
	var b bytes.Buffer
	for _, f := range fields(&c) {
		depth := strings.Count(f.path, ".")
		indent := strings.Repeat("  ", depth)
		key := f.path[strings.LastIndex(f.path, ".")+1:]
		if docs {
			if depth == 0 && b.Len() > 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "%s# %s%s\n", indent, f.doc, f.choices())
		}
		if f.group {
			fmt.Fprintf(&b, "%s%s:\n", indent, key)
			continue
		}
		value, err := f.yaml()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s%s: %s", indent, key, value)
		if origins {
			fmt.Fprintf(&b, "  # %s", cmp.Or(l.Origins[f.path], "default"))
		}
		b.WriteByte('\n')
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (f *field) choices() string {
	words := []string{}
	for _, e := range f.enum {
		if e != "" {
			words = append(words, e)
		}
	}
	if len(words) == 0 {
		return ""
	}
	return ": " + strings.Join(words, ", ")
}

// yaml is the value on one line.
func (f *field) yaml() (string, error) {
	var n yaml.Node
	v := f.value.Interface()
	if s, ok := v.(fmt.Stringer); ok {
		v = s.String()
	}
	if f.value.Kind() == reflect.Map && f.value.Len() == 0 {
		return "{}", nil
	}
	if f.value.Kind() == reflect.Slice && f.value.Len() == 0 {
		return "[]", nil
	}
	if err := n.Encode(v); err != nil {
		return "", fmt.Errorf("show %s: %w", f.path, err)
	}
	n.Style |= yaml.FlowStyle
	out, err := yaml.Marshal(&n)
	if err != nil {
		return "", fmt.Errorf("show %s: %w", f.path, err)
	}
	return strings.TrimSpace(string(out)), nil
}
