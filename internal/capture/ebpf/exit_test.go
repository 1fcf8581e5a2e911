package ebpf

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
)

// TestHowProcessesEnd: of a process that used a socket it is told when it ended and
// how, as wait(2) tells its parent.
func TestHowProcessesEnd(t *testing.T) {
	capturetest.RequireRoot(t)
	ns := capturetest.NewNamespace(t)
	l := capturetest.Listen(t, ns, "127.0.0.1:0")
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	want := map[int32]flow.Exit{}
	told := observed(t, ns, nil, func() {
		for end, how := range map[string]flow.Exit{
			"exit 0": {Known: true}, "exit 3": {Known: true, Code: 3}, "kill -9 $$": {Known: true, Signal: 9}, "kill -TERM $$": {Known: true, Signal: 15},
		} {
			connect := fmt.Sprintf("exec 3<>/dev/tcp/127.0.0.1/%d; %s", l.Addr().(*net.TCPAddr).Port, end)
			c := exec.Command("nsenter", fmt.Sprintf("--net=/proc/%d/fd/%d", os.Getpid(), ns.File.Fd()), "bash", "-c", connect)
			_ = c.Run() // how it ends is what is looked at
			want[int32(c.Process.Pid)] = how
		}
	})
	got := map[int32]flow.Exit{}
	for _, o := range told {
		e, ok := o.(*flow.Exit)
		if !ok {
			continue
		}
		if _, ours := want[e.Key.PID]; ours {
			if e.Time == 0 {
				t.Errorf("the end of %v has no time", e.Key)
			}
			got[e.Key.PID] = flow.Exit{Known: e.Known, Code: e.Code, Signal: e.Signal}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
