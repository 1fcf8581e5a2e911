package config

import (
	"maps"
	"reflect"
)

// Reload is next as far as it can be taken over while the program runs: what takes
// a restart stays as it is in l, with its origin, and is named in Restart.
func (l *Loaded) Reload(next *Loaded) *Loaded {
	out := &Loaded{Config: next.clone(), Origins: maps.Clone(next.Origins), Files: next.Files, Unknown: next.Unknown}
	running := l.clone()
	now := fields(&running)
	for i, f := range fields(&out.Config) {
		if f.group || f.live {
			continue
		}
		if !same(f.value, now[i].value) {
			out.Restart = append(out.Restart, f.path)
		}
		f.value.Set(now[i].value)
		delete(out.Origins, f.path)
		if origin, ok := l.Origins[f.path]; ok {
			out.Origins[f.path] = origin
		}
	}
	return out
}

// same: an empty list is no list.
func same(a, b reflect.Value) bool {
	if (a.Kind() == reflect.Slice || a.Kind() == reflect.Map) && a.Len() == 0 && b.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
