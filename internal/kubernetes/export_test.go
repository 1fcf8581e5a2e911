package kubernetes

import (
	"fmt"
	"strings"
)

// ParseAll gives a text to all that parse what is outside of this program, and
// panics where what they make of it could not have been there.
func ParseAll(text string) {
	if p, ok := parseLogFolder(text); ok && fmt.Sprintf("%s_%s_%s", p.namespace, p.name, p.uid) != text {
		panic("folder")
	}
	if pod, ns, container, id, ok := parseLogLink(text); ok && fmt.Sprintf("%s_%s_%s-%s.log", pod, ns, container, id) != text {
		panic("link")
	}
	for _, a := range parseHosts(strings.NewReader(text)) {
		if !a.IsValid() || a.IsUnspecified() || a.Is4In6() || a.Zone() != "" {
			panic("hosts")
		}
	}
}
