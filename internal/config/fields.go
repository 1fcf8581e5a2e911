package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"peerscope/internal/spelling"
)

// field is one value that can be set, by its path of keys.
type field struct {
	path  string // as history.max_size
	doc   string
	enum  []string
	value reflect.Value
	group bool // a struct: it has no value of its own
	live  bool // a changed file is taken over without a restart
}

// fields are those of c in the order of the file.
func fields(c *Config) []field { return under("", reflect.ValueOf(c).Elem(), false) }

func under(prefix string, v reflect.Value, live bool) []field {
	var out []field
	for i := range v.NumField() {
		t := v.Type().Field(i)
		f := field{path: prefix + t.Tag.Get("yaml"), doc: t.Tag.Get("doc"), value: v.Field(i)}
		if e, ok := t.Tag.Lookup("enum"); ok {
			f.enum = strings.Split(e, ",")
		}
		f.group = f.value.Kind() == reflect.Struct
		f.live = live || t.Tag.Get("live") == "true"
		out = append(out, f)
		if f.group {
			out = append(out, under(f.path+".", f.value, f.live)...)
		}
	}
	return out
}

// find is the field of a path.
func find(all []field, path string) *field {
	for i := range all {
		if all[i].path == path {
			return &all[i]
		}
	}
	return nil
}

// below are the names of the keys directly below a path.
func below(all []field, path string) []string {
	var names []string
	for _, f := range all {
		name, ok := f.path, true
		if path != "" {
			name, ok = strings.CutPrefix(f.path, path+".")
		}
		if ok && !strings.Contains(name, ".") {
			names = append(names, name)
		}
	}
	return names
}

// set reads one value of text. A list is separated by commas, a map is
// key=value pairs; a file writes both as YAML has them.
func (f *field) set(text string) error {
	switch f.value.Interface().(type) {
	case Duration:
		d, err := ParseDuration(text)
		if err != nil {
			return err
		}
		f.value.SetInt(int64(d))
	case Size:
		n, err := ParseSize(text)
		if err != nil {
			return err
		}
		f.value.SetInt(int64(n))
	case []string:
		f.value.Set(reflect.ValueOf(splitList(text)))
	case map[string]string:
		m := map[string]string{}
		for _, pair := range splitList(text) {
			k, v, ok := strings.Cut(pair, "=")
			if !ok {
				return errors.New("it is a list of key=value, separated by commas")
			}
			m[k] = v
		}
		f.value.Set(reflect.ValueOf(m))
	default:
		return f.setPlain(text)
	}
	return nil
}

func (f *field) setPlain(text string) error {
	switch f.value.Kind() {
	case reflect.Bool:
		switch text {
		case "true", "yes", "on", "1":
			f.value.SetBool(true)
		case "false", "no", "off", "0":
			f.value.SetBool(false)
		default:
			return errors.New("it is true or false")
		}
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			return errors.New("it is a whole number, not negative")
		}
		f.value.SetInt(n)
	case reflect.String:
		if f.enum != nil && !slices.Contains(f.enum, text) {
			return notOneOf(text, f.enum)
		}
		f.value.SetString(text)
	default:
		return fmt.Errorf("%s has a type that cannot be set", f.path)
	}
	return nil
}

// notOneOf says what it may be instead.
func notOneOf(text string, words []string) error {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
	if near := spelling.Nearest(text, words); near != "" {
		return fmt.Errorf("did you mean %q?", near)
	}
	return fmt.Errorf("it is %s", strings.Join(words, ", "))
}

func splitList(text string) []string {
	out := []string{}
	for s := range strings.SplitSeq(text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// text is the value as set reads it.
func (f *field) text() string {
	switch v := f.value.Interface().(type) {
	case fmt.Stringer:
		return v.String()
	case []string:
		return strings.Join(v, ",")
	case map[string]string:
		return fmt.Sprint(v)
	default:
		return fmt.Sprint(v)
	}
}

// Value is one value that can be set, as flags tell of it.
type Value struct {
	Doc, Default string
	Bool, List   bool
	Choices      []string
}

// Lookup is the value of a path; the zero Value if there is none.
func Lookup(path string) Value {
	c := Default()
	f := find(fields(&c), path)
	if f == nil || f.group {
		return Value{}
	}
	v := Value{Doc: f.doc, Default: f.text(), Bool: f.value.Kind() == reflect.Bool, List: f.value.Kind() == reflect.Slice}
	for _, e := range f.enum {
		if e != "" {
			v.Choices = append(v.Choices, e)
		}
	}
	return v
}
