package config

import (
	"bytes"
	"cmp"
	"encoding/json"
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

// Schema is the JSON schema of the file, for editors.
func Schema() ([]byte, error) {
	c := Default()
	s := schemaOf(reflect.ValueOf(c))
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Configuration of peerscope serve"
	out, err := json.MarshalIndent(s, "", "  ")
	return append(out, '\n'), err
}

func schemaOf(v reflect.Value) map[string]any {
	properties := map[string]any{}
	for i := range v.NumField() {
		t := v.Type().Field(i)
		var s map[string]any
		switch fv := v.Field(i); fv.Interface().(type) {
		case Duration:
			s = map[string]any{"type": "string", "default": fv.Interface().(Duration).String()}
		case Size:
			s = map[string]any{"type": []string{"string", "integer"}, "default": fv.Interface().(Size).String()}
		case []string:
			s = map[string]any{"type": "array", "items": map[string]any{"type": "string"}}
		case map[string]string:
			s = map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}}
		case bool:
			s = map[string]any{"type": "boolean", "default": fv.Bool()}
		case int:
			s = map[string]any{"type": "integer", "minimum": 0, "default": fv.Int()}
		case string:
			s = map[string]any{"type": "string", "default": fv.String()}
		default:
			s = schemaOf(fv)
		}
		if e, ok := t.Tag.Lookup("enum"); ok {
			s["enum"] = strings.Split(e, ",")
		}
		s["description"] = t.Tag.Get("doc")
		properties[t.Tag.Get("yaml")] = s
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}
