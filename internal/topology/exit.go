package topology

import (
	"fmt"

	"peerscope/internal/flow"
)

// setExit writes down when and how a process ended, as far as that is known.
func (a *Attributes) setExit(e *flow.Exit) {
	if e.Time != 0 {
		a.ExitTime = e.Time.Stamp()
	}
	switch {
	case !e.Known:
	case e.Signal != 0:
		a.ExitSignal = int(e.Signal)
	default:
		a.ExitCode = new(int(e.Code))
	}
}

// Ending is how a process ended, as "by signal 9 (SIGKILL)" or "with exit code 1";
// empty if that is not known.
func (a *Attributes) Ending() string {
	switch {
	case a.ExitSignal != 0:
		return "by " + flow.SignalText(a.ExitSignal)
	case a.ExitCode != nil:
		return fmt.Sprintf("with exit code %d", *a.ExitCode)
	}
	return ""
}
