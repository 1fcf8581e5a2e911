package identity

import (
	"bytes"
	"strings"

	"peerscope/internal/flow"
)

// commLength is what the kernel keeps of a name (TASK_COMM_LEN less the NUL).
const commLength = 15

// setProgram names a process by what it runs: by its script if it is an
// interpreter, else by its program. The executable is a path or a base name,
// and may be unknown; cmdline is what args were read from.
func setProgram(p *flow.Process, comm, executable string, cmdline []byte, args arguments) {
	p.Name = programName(comm, executable, cmdline)
	p.Interpreter, p.Script = "", ""
	p.ServiceProxy = isDataPlane(executable[strings.LastIndexByte(executable, '/')+1:])
	s, ok := scriptOf(executable, args.words)
	if !ok {
		return
	}
	p.Interpreter, p.Script = s.runtime, s.path
	if s.name != "" {
		p.Name = s.name
	}
}

// programName is what people call a program: the name it was started by, else
// that of its executable, else the kernel's own for it (comm). The executable
// is a path or a base name, and may be unknown.
func programName(comm, executable string, cmdline []byte) string {
	if name := invokedAs(cmdline, comm); name != "" {
		return name
	}
	if name := executable[strings.LastIndexByte(executable, '/')+1:]; name != "" {
		return name
	}
	return comm
}

// invokedAs is the name a program was started by, if the kernel's own name for
// it (comm, from the path given to execve) agrees: redis-server, where the
// executable is a link to redis-check-rdb. Empty if they do not agree, as with
// scripts and with programs that rename themselves.
func invokedAs(cmdline []byte, comm string) string {
	first := cmdline
	if i := bytes.IndexAny(cmdline, "\x00 :"); i >= 0 {
		first = cmdline[:i]
	}
	name := strings.TrimPrefix(printable(string(first[bytes.LastIndexByte(first, '/')+1:])), "-")
	if name == comm || len(comm) == commLength && strings.HasPrefix(name, comm) {
		return name
	}
	return ""
}
