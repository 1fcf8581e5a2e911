package netlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

// From include/uapi/linux/connector.h and cn_proc.h; golang.org/x/sys has none
// of it. All numbers are in the machine's byte order.
const (
	connectorLen  = 20 // struct cn_msg: id (u32 idx, u32 val), u32 seq, u32 ack, u16 len, u16 flags
	connectorProc = 1  // CN_IDX_PROC, CN_VAL_PROC and the multicast group

	procListen = 1 // PROC_CN_MCAST_LISTEN
	procIgnore = 2 // PROC_CN_MCAST_IGNORE

	procEventLen = 16 // struct proc_event before its union: u32 what, u32 cpu, u64 timestamp_ns

	// acknowledgeTimeout is how long to wait for the answer to a subscription.
	// The kernel gives it before the request's system call ends; with a crowd of
	// events before it in the queue it is still there at once.
	acknowledgeTimeout = 50 * time.Millisecond
)

// procEventKind is what happened to a process (enum proc_cn_event).
type procEventKind uint32

const (
	procNone procEventKind = 0 // the answer to a subscription
	procFork procEventKind = 0x1
	procExec procEventKind = 0x2
	procComm procEventKind = 0x200
	procExit procEventKind = 0x80000000
)

// procEvent is a birth, a change or a death of a process. Of a thread, if TID
// is not PID. All numbers are of the initial pid namespace.
type procEvent struct {
	Kind procEventKind
	// Monotonic is CLOCK_MONOTONIC in nanoseconds.
	Monotonic uint64
	PID, TID  int32 // of the child, if forked
	// Parent is the process that forked, or whose child has ended (since Linux
	// 4.18); 0: not said.
	Parent   int32
	ExitCode uint32 // as wait(2) gives it: status<<8, or the signal
	Comm     string // the new name of a thread; only of procComm
}

// thread reports whether the event is of a thread that is not a process's
// first: such a birth or death is not one of a process.
func (e procEvent) thread() bool { return e.PID != e.TID }

// procEvents is a subscription to events of processes.
type procEvents struct {
	conn *nlsocket.Conn
	each func(procEvent)
	take func(msgType uint16, payload []byte) error // made once: no allocation a call
}

// dialProcEvents subscribes to forks, execs, exits and changes of name of all
// processes, and calls each for every one that receive takes. Where the kernel
// cannot or will not, the error is a *gapError with the reason.
func dialProcEvents(each func(procEvent)) (*procEvents, error) {
	c, err := nlsocket.Dial(unix.NETLINK_CONNECTOR, connectorProc)
	if err != nil {
		return nil, procEventsError(err)
	}
	// Linux 6.6 sends only the kinds that are asked for. An older one ignores a
	// request of that length without a word, and is asked again in the old way.
	for _, operation := range [][]uint32{{procListen, uint32(procFork | procExec | procExit | procComm)}, {procListen}} {
		if err = c.Send(procRequest(operation...)); err != nil {
			break
		}
		if err = acknowledged(c); !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	if err != nil {
		c.Close()
		return nil, procEventsError(err)
	}
	p := &procEvents{conn: c, each: each}
	p.take = p.takeEvent
	return p, nil
}

// acknowledged waits for the kernel's answer to a subscription, past events
// that somebody else's subscription brings already.
func acknowledged(c *nlsocket.Conn) error {
	if err := c.SetDeadline(time.Now().Add(acknowledgeTimeout)); err != nil {
		return err
	}
	answered := false
	var refused error
	for !answered {
		_, _, err := c.Receive(func(_ uint16, payload []byte) error {
			e, err := parseProcEvent(payload)
			if err == nil && e.Kind == procNone {
				answered = true
				refused = e.refusal()
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if refused != nil {
		return refused
	}
	return c.SetDeadline(time.Time{})
}

// receive waits for events and reports what is there; see (*nlsocket.Conn).Receive.
func (p *procEvents) receive() (more, overrun bool, err error) { return p.conn.Receive(p.take) }

func (p *procEvents) takeEvent(_ uint16, payload []byte) error {
	e, err := parseProcEvent(payload)
	if err != nil {
		return err
	}
	switch e.Kind {
	case procFork, procExec, procExit, procComm:
		p.each(e)
	}
	return nil // an older kernel sends kinds that nobody asked for
}

// close ends the subscription, and a wait on it with os.ErrClosed. Before Linux
// 6.6 the kernel goes on making events for a listener that does not say goodbye.
func (p *procEvents) close() error {
	_ = p.conn.Send(procRequest(procIgnore)) // close is the answer that counts
	return p.conn.Close()
}

// procEventsError says why there are no events of processes.
func procEventsError(err error) error {
	gap := flow.Gap{Code: "no_proc_events", Reason: "births and deaths of processes are seen only at looks"}
	switch {
	case errors.Is(err, unix.EPROTONOSUPPORT):
		gap.Reason += ": the kernel is built without CONFIG_CONNECTOR"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		gap.Reason += ": no right to the process connector"
		gap.Fix = "run as root, or with CAP_NET_ADMIN"
	case errors.Is(err, unix.ECONNREFUSED):
		gap.Reason += ": the process connector is in the initial network namespace only"
		gap.Fix = "run in the host's network namespace"
	case errors.Is(err, os.ErrDeadlineExceeded):
		gap.Reason += ": the process connector does not answer; it does so in the initial pid and user namespaces only, " +
			"and if the kernel has CONFIG_PROC_EVENTS"
		gap.Fix = "run in the host's pid namespace"
	default:
		return fmt.Errorf("subscribe to events of processes: %w", err)
	}
	return &gapError{Gap: gap, err: err}
}

// procRequest is a cn_msg with an operation, and since Linux 6.6 the kinds of
// events wanted.
func procRequest(operation ...uint32) []byte {
	b := nlsocket.AppendHeader(nil, unix.NLMSG_DONE)
	b = binary.NativeEndian.AppendUint32(b, connectorProc)
	b = binary.NativeEndian.AppendUint32(b, connectorProc)
	b = append(b, make([]byte, 8)...) // sequence and acknowledgement: unused
	b = binary.NativeEndian.AppendUint16(b, uint16(4*len(operation)))
	b = binary.NativeEndian.AppendUint16(b, 0)
	for _, o := range operation {
		b = binary.NativeEndian.AppendUint32(b, o)
	}
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	return b
}

// parseProcEvent reads a cn_msg with a proc_event. What a kind does not have is
// zero; of kinds that are not used here only Kind and Monotonic are read.
func parseProcEvent(payload []byte) (procEvent, error) {
	if len(payload) < connectorLen+procEventLen {
		return procEvent{}, fmt.Errorf("event of a process of %d bytes: %w", len(payload), nlsocket.ErrTruncated)
	}
	if binary.NativeEndian.Uint32(payload) != connectorProc || binary.NativeEndian.Uint32(payload[4:]) != connectorProc {
		return procEvent{}, errors.New("message of another connector than that of processes")
	}
	b := payload[connectorLen:]
	e := procEvent{Kind: procEventKind(binary.NativeEndian.Uint32(b)), Monotonic: binary.NativeEndian.Uint64(b[8:])}
	b = b[procEventLen:]
	if len(b) < e.Kind.size() {
		return procEvent{}, fmt.Errorf("event %#x of a process of %d bytes: %w", uint32(e.Kind), len(payload), nlsocket.ErrTruncated)
	}
	word := func(i int) int32 { return int32(binary.NativeEndian.Uint32(b[4*i:])) }
	switch e.Kind {
	case procNone:
		e.ExitCode = uint32(word(0))
	case procFork:
		// parent_tgid is that of the new process's parent also where a thread,
		// or CLONE_PARENT, made it.
		e.Parent, e.TID, e.PID = word(1), word(2), word(3)
	case procExec:
		e.TID, e.PID = word(0), word(1)
	case procComm:
		e.TID, e.PID = word(0), word(1)
		e.Comm = cString(b[8:24])
	case procExit:
		e.TID, e.PID, e.ExitCode = word(0), word(1), uint32(word(2))
		if len(b) >= 24 {
			e.Parent = word(5)
		}
	}
	return e, nil
}

// size is the least size of what follows the head of an event.
func (k procEventKind) size() int {
	switch k {
	case procNone:
		return 4
	case procFork, procExit:
		return 16
	case procExec:
		return 8
	case procComm:
		return 24
	}
	return 0
}

// refusal is the error that the answer to a subscription carries in the place
// of an exit code, nil if it was accepted.
func (e procEvent) refusal() error {
	switch code := int32(e.ExitCode); {
	case code > 0:
		return unix.Errno(code)
	case code < 0:
		return unix.Errno(-int64(code))
	}
	return nil
}

// cString is b up to its first NUL byte.
func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
