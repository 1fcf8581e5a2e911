package netns

import (
	"testing"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
)

func TestNamespaceCookies(t *testing.T) {
	seen := map[flow.NetnsID]uint64{}
	for range 3 {
		n := capturetest.NewNamespace(t)
		for range 2 {
			var id flow.NetnsID
			capturetest.In(t, n, func() (err error) { id, err = idHere(n.Inode); return err })
			if other, ok := seen[id]; ok && other != n.Inode {
				t.Errorf("namespaces %d and %d are both %d", n.Inode, other, id)
			}
			seen[id] = n.Inode
		}
	}
	if len(seen) != 3 {
		t.Errorf("3 namespaces have the names %v", seen)
	}
}
