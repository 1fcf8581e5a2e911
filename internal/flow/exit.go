package flow

import "fmt"

// Exit says that a process has ended.
type Exit struct {
	Time Time       `json:"time"`
	Key  ProcessKey `json:"key"`
	// Known: it is known how it ended: by Signal, or, if that is 0, with Code.
	Known  bool  `json:"known,omitempty"`
	Code   uint8 `json:"code,omitempty"`
	Signal uint8 `json:"signal,omitempty"`
}

// SetStatus takes over how it ended as the kernel keeps it and wait(2) tells:
// code<<8, or the signal and 0x80 if there is a core dump.
func (e *Exit) SetStatus(status uint32) {
	e.Known = true
	if e.Signal = uint8(status & 0x7f); e.Signal == 0 {
		e.Code = uint8(status >> 8)
	}
}

// signalNames are the signals of Linux by number, on all machines but Alpha, MIPS,
// PA-RISC and SPARC (include/uapi/asm-generic/signal.h).
var signalNames = [...]string{1: "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL",
	"SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP",
	"SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS"}

// SignalText is a signal in words: "signal 9 (SIGKILL)".
func SignalText(signal int) string {
	text := fmt.Sprintf("signal %d", signal)
	if signal > 0 && signal < len(signalNames) {
		text += " (" + signalNames[signal] + ")"
	}
	return text
}
