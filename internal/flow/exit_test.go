package flow_test

import (
	"testing"

	"peerscope/internal/flow"
)

func TestExitStatusIsThatOfWait(t *testing.T) {
	for status, want := range map[uint32]flow.Exit{
		0:          {Known: true},
		3 << 8:     {Known: true, Code: 3},
		255 << 8:   {Known: true, Code: 255},
		9:          {Known: true, Signal: 9},
		11 | 0x80:  {Known: true, Signal: 11}, // and a core dump
		15 | 7<<16: {Known: true, Signal: 15}, // what else the kernel keeps there
	} {
		var got flow.Exit
		if got.SetStatus(status); got != want {
			t.Errorf("%#x: %+v, want %+v", status, got, want)
		}
	}
}

func TestSignalText(t *testing.T) {
	for signal, want := range map[int]string{9: "signal 9 (SIGKILL)", 31: "signal 31 (SIGSYS)", 1: "signal 1 (SIGHUP)", 40: "signal 40", 0: "signal 0"} {
		if got := flow.SignalText(signal); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
