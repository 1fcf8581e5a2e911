package packaging

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// unit is the service in a folder of its own. What it starts is a program that is
// there, as it is not installed where tests run.
func unit(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		const text = "systemd-analyze reads units and is missing: apt-get install systemd"
		if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") == "1" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	b, err := os.ReadFile("peerscope.service")
	if err != nil {
		t.Fatal(err)
	}
	const program = "ExecStart=/usr/bin/peerscope "
	if !bytes.Contains(b, []byte(program)) {
		t.Fatalf("the unit has no %q", program)
	}
	name := filepath.Join(t.TempDir(), "peerscope.service")
	if err := os.WriteFile(name, bytes.Replace(b, []byte(program), []byte("ExecStart=/bin/sh "), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestSystemdFindsNothingWrong: unknown keys, wrong values, documents that are not
// there.
func TestSystemdFindsNothingWrong(t *testing.T) {
	out, err := exec.Command("systemd-analyze", "verify", "--recursive-errors=no", unit(t)).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestExposureStaysLow: tenths of what systemd calls exposure, of which docs/SERVE.md
// has the figure. Above 50 it is "MEDIUM".
func TestExposureStaysLow(t *testing.T) {
	out, err := exec.Command("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=35", unit(t)).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
