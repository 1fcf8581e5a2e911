package ebpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// flows is what goes between sockets that the kernel keeps no counters of. The
// programs sum up in the map that is in use; to read it, an empty one is put in
// its place. The kernel then waits until no program uses the old one any more
// (since 4.12), so what is read is complete, and is read once.
type flows struct {
	outer *ebpf.Map
	inner *ebpf.MapSpec
	inUse *ebpf.Map
}

func newFlows(outer *ebpf.Map, spec *ebpf.MapSpec) (flows, error) {
	f := flows{outer: outer, inner: spec.InnerMap}
	_, err := f.change()
	return f, err
}

// change puts an empty map in use and returns the one before.
func (f *flows) change() (*ebpf.Map, error) {
	fresh, err := ebpf.NewMap(f.inner.Copy())
	if err != nil {
		return nil, fmt.Errorf("make a map of flows: %w", err)
	}
	if err := f.outer.Put(uint32(0), fresh); err != nil {
		fresh.Close()
		return nil, fmt.Errorf("change the map of flows: %w", err)
	}
	old := f.inUse
	f.inUse = fresh
	return old, nil
}

func (f *flows) close() {
	if f.inUse != nil {
		f.inUse.Close()
	}
}

// drain calls each for what was summed up since the last time. The values are
// used again.
func drain[V any](f *flows, each func(*peerscopeFlowKey, *V)) error {
	var first peerscopeFlowKey
	if err := f.inUse.NextKey(nil, &first); errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil
	}
	old, err := f.change()
	if err != nil {
		return err
	}
	defer old.Close()
	const batch = 256
	var cursor ebpf.MapBatchCursor
	keys, values := make([]peerscopeFlowKey, batch), make([]V, batch)
	for {
		n, err := old.BatchLookup(&cursor, keys, values, nil)
		for i := range n {
			each(&keys[i], &values[i])
		}
		switch {
		case errors.Is(err, ebpf.ErrKeyNotExist):
			return nil
		case err != nil:
			return fmt.Errorf("read a map of flows: %w", err)
		}
	}
}
