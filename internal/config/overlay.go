package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"peerscope/internal/spelling"
)

const envPrefix = "PEERSCOPE_"

// Environment reads variables over what is there already: PEERSCOPE_ and the
// path in capitals, its keys joined by _ or __, as PEERSCOPE_HISTORY_MAX_SIZE.
// environ is as of os.Environ. A variable that sets nothing is told in Unknown,
// with the nearest one that would.
func (l *Loaded) Environment(environ []string) error {
	all := fields(&l.Config)
	byName := map[string]*field{}
	var names []string
	for i := range all {
		if f := &all[i]; !f.group {
			byName[envName(f.path)] = f
			names = append(names, envName(f.path))
		}
	}
	var errs []error
	sorted := slices.Sorted(slices.Values(environ))
	for _, pair := range sorted {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) {
			continue
		}
		f := byName[strings.ReplaceAll(name, "__", "_")]
		if f == nil {
			text := name
			if near := spelling.Nearest(name, names); near != "" {
				text += " (did you mean " + near + "?)"
			}
			l.Unknown = append(l.Unknown, text)
			continue
		}
		if err := f.set(value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %q: %w", name, value, err))
			continue
		}
		l.Origins[f.path] = name
	}
	return errors.Join(errs...)
}

func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// Flag sets one value that a flag gave.
func (l *Loaded) Flag(path, flag, value string) error {
	f := find(fields(&l.Config), path)
	if f == nil || f.group {
		return fmt.Errorf("%s is not a value of the configuration", path)
	}
	if err := f.set(value); err != nil {
		return fmt.Errorf("--%s %q: %w", flag, value, err)
	}
	l.Origins[path] = "--" + flag
	return nil
}
