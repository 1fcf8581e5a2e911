package history

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"peerscope/internal/topology"
)

// nodeReader reads nodes from the JSON that they are kept as. A map of a day has
// thousands of them, and encoding/json takes as long for these as everything else
// takes together: it goes over each text three times, since attributes read
// themselves. This one knows what json.Marshal writes of plain fields. Where
// there is anything else the whole node is left to encoding/json.
//
// It is safe for concurrent use.
type nodeReader struct{ node *fields }

// fields are those of one struct.
type fields struct {
	list   []field // in the order of the struct, which is the one they are written in
	byName map[string]int
	labels bool // keys with a prefix are labels, as topology.Attributes has them
}

type field struct {
	name  string // in JSON
	index int    // in the struct
	plain bool
	of    *fields // of a struct, and of the structs in a slice
}

func newNodeReader() *nodeReader {
	return &nodeReader{node: fieldsOf(reflect.TypeFor[topology.Node]())}
}

func fieldsOf(t reflect.Type) *fields {
	out := &fields{byName: map[string]int{}, labels: t == reflect.TypeFor[topology.Attributes]()}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		add := field{name: name, index: i, plain: isPlain(f.Type)}
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && add.plain {
			add.of = fieldsOf(inner)
		}
		out.byName[name] = len(out.list)
		out.list = append(out.list, add)
	}
	return out
}

// isPlain: encoding/json reads the type by its kind, and it is one of few.
func isPlain(t reflect.Type) bool {
	own := reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
	if own && t != reflect.TypeFor[topology.Attributes]() {
		return false
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Struct:
		return true
	case reflect.Pointer:
		return t.Elem().Kind() == reflect.Int
	case reflect.Slice:
		return t.Elem().Kind() == reflect.String || t.Elem().Kind() == reflect.Struct
	}
	return false
}

// read fills in a node that is zero.
func (r *nodeReader) read(n *node, into *topology.Node) error {
	t := jsonText{n.text}
	if t.object(reflect.ValueOf(into).Elem(), r.node) && t.rest == "" {
		return nil
	}
	*into = topology.Node{}
	if err := json.Unmarshal([]byte(n.text), into); err != nil {
		return fmt.Errorf("node %.60q: %w", n.id, err)
	}
	return nil
}

// jsonText is what is left of a text. Its methods say whether they could read it.
type jsonText struct{ rest string }

func (t *jsonText) skip(c byte) bool {
	if t.rest == "" || t.rest[0] != c {
		return false
	}
	t.rest = t.rest[1:]
	return true
}

func (t *jsonText) object(into reflect.Value, f *fields) bool {
	if !t.skip('{') {
		return false
	}
	if t.skip('}') {
		return true
	}
	var seen [2]uint64 // a bit for each field: what is there twice is not from here
	for next := 0; ; {
		key, ok := t.text()
		if !ok || !t.skip(':') {
			return false
		}
		at, known := next, next < len(f.list) && f.list[next].name == key
		if !known {
			at, known = f.byName[key]
		}
		switch {
		case known && at < 128 && seen[at>>6]&(1<<(at&63)) == 0 && f.list[at].plain:
			seen[at>>6] |= 1 << (at & 63)
			next = at + 1
			ok = t.value(into.Field(f.list[at].index), f.list[at].of)
		case !known && f.labels:
			ok = t.label(key, into.Addr().Interface().(*topology.Attributes))
		default:
			ok = false
		}
		if !ok {
			return false
		}
		if !t.skip(',') {
			return t.skip('}')
		}
	}
}

func (t *jsonText) value(into reflect.Value, of *fields) (ok bool) {
	switch into.Kind() {
	case reflect.String:
		var s string
		s, ok = t.text()
		into.SetString(s)
	case reflect.Bool:
		var is bool
		t.rest, is = strings.CutPrefix(t.rest, "true")
		if ok = is; !is {
			t.rest, ok = strings.CutPrefix(t.rest, "false")
		}
		into.SetBool(is)
	case reflect.Int, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(t.digits(), 10, into.Type().Bits())
		into.SetInt(n)
		ok = err == nil
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(t.digits(), 10, into.Type().Bits())
		into.SetUint(n)
		ok = err == nil
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		ok = t.value(into.Elem(), nil)
	case reflect.Struct:
		ok = t.object(into, of)
	case reflect.Slice:
		ok = t.array(into, of)
	}
	return ok
}

func (t *jsonText) array(into reflect.Value, of *fields) bool {
	if !t.skip('[') {
		return false
	}
	if t.skip(']') {
		into.Set(reflect.MakeSlice(into.Type(), 0, 0))
		return true
	}
	for n := 0; ; n++ {
		if n == into.Cap() {
			into.Grow(1)
		}
		into.SetLen(n + 1)
		if !t.value(into.Index(n), of) {
			return false
		}
		if !t.skip(',') {
			return t.skip(']')
		}
	}
}

func (t *jsonText) label(key string, a *topology.Attributes) bool {
	name, container := strings.CutPrefix(key, "container.label.")
	into := &a.ContainerLabels
	if !container {
		var pod bool
		if name, pod = strings.CutPrefix(key, "k8s.pod.label."); !pod {
			return false
		}
		into = &a.PodLabels
	}
	value, ok := t.text()
	if *into == nil {
		*into = map[string]string{}
	}
	(*into)[name] = value
	return ok
}

// digits are those of a whole number as JSON has it, with its sign; empty if
// there is none.
func (t *jsonText) digits() string {
	n := 0
	if strings.HasPrefix(t.rest, "-") {
		n = 1
	}
	first := n
	for n < len(t.rest) && t.rest[n] >= '0' && t.rest[n] <= '9' {
		n++
	}
	if n > first+1 && t.rest[first] == '0' {
		return ""
	}
	s := t.rest[:n]
	t.rest = t.rest[n:]
	return s
}

func unescaped(s string) (out string, ok bool) {
	err := json.Unmarshal([]byte(`"`+s+`"`), &out)
	return out, err == nil
}

// text reads a string. One with escapes or with more than ASCII is left to
// encoding/json.
func (t *jsonText) text() (string, bool) {
	if !t.skip('"') {
		return "", false
	}
	plain := true
	for i := 0; i < len(t.rest); i++ {
		switch c := t.rest[i]; {
		case c == '"':
			s := t.rest[:i]
			t.rest = t.rest[i+1:]
			if !plain {
				return unescaped(s)
			}
			return s, true
		case c == '\\':
			plain = false
			i++
		case c < ' ' || c > '~':
			plain = false
		}
	}
	return "", false
}
