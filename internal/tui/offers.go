package tui

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"peerscope/internal/filter"
	"peerscope/internal/screen"
	"peerscope/internal/topology"
)

// mostOffers is how many values are offered for one word.
const mostOffers = 100

// offers are what a word of the filter may become: keys of the language, and the
// values that the map that is shown has of a key, the most frequent first.
func (md *model) offers(word string) []string {
	prefix := ""
	for _, p := range []string{"!", "from:", "to:"} {
		if rest, ok := strings.CutPrefix(word, p); ok {
			prefix, word = prefix+p, rest
		}
	}
	out := filter.Complete(prefix + word)
	name, begun, isKey := strings.Cut(word, ":")
	if isKey {
		name += ":"
	} else {
		name, begun = "", word
		if begun == "" {
			return out // all names would hide the keys
		}
	}
	begun = strings.ToLower(strings.TrimPrefix(begun, `"`))
	for _, v := range md.values(strings.TrimSuffix(name, ":")) {
		if strings.HasPrefix(strings.ToLower(v), begun) && len(out) < mostOffers {
			out = append(out, prefix+name+quote(v))
		}
	}
	return out
}

// values are those of a key in the map that is shown; of no key the names of
// programs. The most frequent come first.
func (md *model) values(key string) []string {
	seen := map[string]int{}
	if md.shown == nil {
		return nil
	}
	note := func(values ...string) {
		for _, v := range values {
			if v != "" && screen.Clean(v, false) == v {
				seen[v]++
			}
		}
	}
	for i := range md.shown.Nodes {
		note(nodeValues(&md.shown.Nodes[i], key)...)
	}
	for i := range md.shown.Edges {
		note(edgeValues(&md.shown.Edges[i], key)...)
	}
	if key == "host" {
		note(md.shown.Host.Name)
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b string) int {
		return cmp.Or(cmp.Compare(seen[b], seen[a]), cmp.Compare(a, b))
	})
}

func nodeValues(n *topology.Node, key string) []string {
	a := &n.Attributes
	switch key {
	case "", "proc":
		if n.Kind == topology.KindProcess {
			return []string{n.Name}
		}
	case "pid":
		if a.PID != 0 {
			return []string{strconv.Itoa(int(a.PID))}
		}
	case "user":
		return []string{a.Owner}
	case "unit":
		return []string{a.Unit}
	case "container":
		return []string{cmp.Or(a.ContainerName, a.PodContainer, a.ContainerID)}
	case "image":
		return []string{a.Image}
	case "pod":
		return []string{a.PodName}
	case "ns":
		return []string{a.Namespace, a.NetnsName}
	case "workload":
		return []string{a.Workload()}
	case "svc":
		return append([]string{a.ServiceName, a.KubeService}, a.KubeServices...)
	case "node":
		return []string{a.NodeName}
	case "ip":
		return []string{a.PeerAddress}
	}
	return nil
}

func edgeValues(e *topology.Edge, key string) []string {
	switch key {
	case "port":
		if e.ServerPort != 0 {
			return []string{strconv.Itoa(int(e.ServerPort))}
		}
	case "path":
		return []string{e.Path}
	case "app":
		var out []string
		for _, p := range e.Protocols {
			out = append(out, p.Name)
		}
		return out
	}
	return nil
}

// quote writes a value so that the language reads it as it is.
func quote(v string) string {
	simple := strings.IndexFunc(v, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._@/-", r)
	}) < 0
	if simple && v[0] != '-' && v[0] != '/' && !slices.Contains([]string{"or", "and", "not"}, strings.ToLower(v)) {
		return v
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
}
