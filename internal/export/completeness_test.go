package export_test

import (
	"strings"
	"testing"

	"peerscope/internal/export"
)

func TestWhatTheKernelCountedAndNobodySawIsShown(t *testing.T) {
	for share, want := range map[float64]string{0.9999: "99.9%", 0.5: "50.0%"} {
		for _, format := range []string{"table", "tree"} {
			m := rich()
			m.Capture.Completeness = &share
			out := render(t, format, m, export.Style{})
			if !strings.Contains(out, want+" of the kernel's total") || !strings.Contains(out, "! incomplete: ") || !strings.Contains(out, want+" of them are in the map") {
				t.Errorf("%s of %v does not say %s:\n%s", format, share, want, out)
			}
			whole := 1.0
			m.Capture.Completeness = &whole
			if out := render(t, format, m, export.Style{}); strings.Contains(out, "incomplete") || !strings.Contains(out, "100% of the kernel's total") {
				t.Errorf("%s of a complete map:\n%s", format, out)
			}
		}
	}
}
