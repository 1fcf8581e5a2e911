package e2e

import (
	"os"
	"slices"
	"testing"
	"time"
)

// inWindows are scenarios that are played in short windows, too: connections that
// are opened, used and closed while windows end, of each transport,
// through translators and proxies, and many at a time. All of them are by
// `make lab WINDOW=1s`.
var inWindows = []string{"loopback", "veth", "millisecond", "half-closed", "reset-kept", "prefork", "refused", "dnat", "udp-unconnected", "unix-stream"}

// TestLabInWindows plays some scenarios in windows as short as half of what they
// take, and judges the joined map as if it were of one window.
func TestLabInWindows(t *testing.T) {
	if testing.Short() {
		t.Skip("the lab takes minutes")
	}
	if os.Geteuid() != 0 {
		skip(t, "the lab makes network namespaces, which takes root")
	}
	sources, err := sourcesOf(*sourceFlag)
	if err != nil {
		t.Fatal(err)
	}
	bench := newBench(t)
	bench.Window = 300 * time.Millisecond
	played := map[string]bool{}
	for _, source := range sources {
		t.Run(source, func(t *testing.T) {
			bench.offers(t, source)
			for _, s := range scenarios() {
				if slices.Contains(inWindows, s.Name) {
					played[s.Name] = true
					t.Run(s.Name, func(t *testing.T) { bench.run(t, source, s) })
				}
			}
		})
	}
	for _, name := range inWindows {
		if !played[name] && !t.Failed() {
			t.Errorf("there is no scenario %q", name)
		}
	}
}
