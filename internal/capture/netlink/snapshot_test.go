package netlink

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"peerscope/internal/capture/capturetest"
)

// BenchmarkSnapshot is what a person waits for: the program, from its start to
// the printed map of 100,000 established sockets with their processes, beside
// `ss -tanp` on the same sockets in the same run. It takes turns, so that a
// busy machine slows both.
func BenchmarkSnapshot(b *testing.B) {
	ss, err := exec.LookPath("ss")
	if err != nil {
		b.Skip("skipped: needs ss(8) of iproute2")
	}
	h := capturetest.NewNamespace(b)
	bin := filepath.Join(b.TempDir(), "peerscope")
	if out, err := exec.Command("go", "build", "-o", bin, "../../../cmd/peerscope").CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	capturetest.Population(b, h, 100, 500)
	var mapped, listed time.Duration
	for b.Loop() {
		mapped += timed(b, exec.Command(bin, "map", "--for", "0", "--source", "netlink", "--netns", strconv.FormatUint(h.Inode, 10), "-o", "json"))
		start := time.Now()
		capturetest.In(b, h, func() error { return exec.Command(ss, "-tanpH").Run() })
		listed += time.Since(start)
	}
	n := float64(b.N)
	b.ReportMetric(float64(mapped.Milliseconds())/n, "map-ms")
	b.ReportMetric(float64(listed.Milliseconds())/n, "ss-ms")
	b.ReportMetric(float64(listed)/float64(mapped), "times-faster")
}

func timed(b *testing.B, c *exec.Cmd) time.Duration {
	b.Helper()
	c.Stderr = os.Stderr
	start := time.Now()
	if err := c.Run(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}
