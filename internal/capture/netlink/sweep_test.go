package netlink

import (
	"os"
	"testing"

	"peerscope/internal/capture/pace"
	"peerscope/internal/flow"
)

// Processes whose end nobody told are found gone, and numbers that are used again
// end who had them.
func TestProcessesWithoutAWordOfTheirEndAreForgotten(t *testing.T) {
	exits := map[flow.ProcessKey]bool{}
	s := &Source{cfg: Config{ProcRoot: "/proc", Processes: noProcess{}, Emit: func(o flow.Observation) {
		if e, ok := o.(*flow.Exit); ok {
			exits[e.Key] = true
		}
	}}, pace: pace.New(nil)}
	s.procs = newHolders(s.cfg)
	self := int32(os.Getpid())
	const none = 1 << 30 // above every pid (PID_MAX_LIMIT is 2^22)
	for i := range int32(50) {
		k := flow.ProcessKey{PID: none + i, Start: 1}
		s.procs.known[k.PID], s.procs.alone[k.PID], s.procs.renamed[k.PID] = k, []flow.ProcessKey{k}, true
	}
	s.procs.known[self] = flow.ProcessKey{PID: self, Start: 5}
	if err := s.sweep(); err != nil {
		t.Fatal(err)
	}
	if len(exits) != 50 || len(s.procs.known) != 1 || len(s.procs.alone)+len(s.procs.renamed) != 0 {
		t.Errorf("%d ends told; %d are known, %d and %d kept by number", len(exits), len(s.procs.known), len(s.procs.alone), len(s.procs.renamed))
	}
	s.introduce(flow.ProcessKey{PID: self, Start: 6})
	if !exits[flow.ProcessKey{PID: self, Start: 5}] {
		t.Error("the end of the process that had the number before was not told")
	}
}

type noProcess struct{}

func (noProcess) Key(int32) (flow.ProcessKey, error) { return flow.ProcessKey{}, os.ErrNotExist }
func (noProcess) Process(int32, flow.Time) (flow.Process, error) {
	return flow.Process{}, os.ErrNotExist
}
