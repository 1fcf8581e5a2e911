package ebpf

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// hook is a program, and what is missing without it.
type hook struct {
	name string
	// code, lost and fix tell what a kernel without the hook cannot show.
	code, lost, fix string
	cgroup          ebpf.AttachType // of the root cgroup; AttachNone: a tracepoint or a function
}

func newer(version string) string { return "use Linux " + version + " or newer" }

// What each rung rests on, best first; "4" is to do without eBPF.
const (
	rungTracepoints = "1" // messages have tracepoints of their own (6.3)
	rungFunctions   = "2" // the exits of functions stand in for them (5.11)
	rungTCP         = "3" // TCP only
)

var (
	// required is what nothing can be done without.
	required = []hook{{name: peerscopeProgSetState}, {name: peerscopeProgLookAtFiles}}

	// forOneLook is all that one look needs.
	forOneLook = []hook{{name: peerscopeProgLookAtFiles}, {name: peerscopeProgLookAtNamespace}}

	// always are the hooks of every rung.
	always = []hook{
		{name: peerscopeProgLookAtNamespace, code: "no_closing", lost: "connections that their process has closed and the kernel still ends are not seen, nor those of MPTCP that are older than the observation", fix: newer("5.9")},
		{name: peerscopeProgSpaceAdjust, code: "no_splice", lost: "who reads a connection only by splice is not known", fix: newer("4.18")},
		{name: peerscopeProgProcessExec, code: "no_processes", lost: "the name of a process that lived very shortly is not known"},
		{name: peerscopeProgProcessExit, code: "no_processes"},
		{name: peerscopeProgSendTo4, cgroup: ebpf.AttachCGroupUDP4Sendmsg, code: "no_datagram_peers", lost: "whom a UDP socket talks to that is not connected is not known", fix: newer("4.18")},
		{name: peerscopeProgSendTo6, cgroup: ebpf.AttachCGroupUDP6Sendmsg, code: "no_datagram_peers"},
		{name: peerscopeProgReceiveFrom4, cgroup: ebpf.AttachCGroupUDP4Recvmsg, code: "no_datagram_peers"},
		{name: peerscopeProgReceiveFrom6, cgroup: ebpf.AttachCGroupUDP6Recvmsg, code: "no_datagram_peers"},
		{name: peerscopeProgSendToUnix, cgroup: ebpf.AttachCgroupUnixSendmsg, code: "no_unix_datagram_peers", lost: "whom a unix datagram is sent to by name is not known", fix: newer("6.7")},
	}

	// tracepoints are where messages pass since 6.3.
	tracepoints = []hook{
		{name: peerscopeProgSendLength, code: codeMessages, lost: lostMessages, fix: newer("6.3")},
		{name: peerscopeProgRecvLength, code: codeMessages, lost: lostMessages},
	}
)

const (
	codeMessages = "no_messages"
	lostMessages = "UDP and unix traffic is not counted, and who uses a shared connection is not known"
)

// functions are the kernel's functions that messages pass through, with the
// program for each number of its parameters.
var functions = []struct {
	name     string
	programs map[int]string
}{
	{"tcp_sendmsg", map[int]string{3: peerscopeProgSentTcpSendmsg}},
	{"udp_sendmsg", map[int]string{3: peerscopeProgSentUdpSendmsg}},
	{"udpv6_sendmsg", map[int]string{3: peerscopeProgSentUdpv6Sendmsg}},
	{"tcp_recvmsg", map[int]string{5: peerscopeProgReceivedTcpRecvmsg, 6: peerscopeProgReceived6TcpRecvmsg}},
	{"udp_recvmsg", map[int]string{5: peerscopeProgReceivedUdpRecvmsg, 6: peerscopeProgReceived6UdpRecvmsg}},
	{"udpv6_recvmsg", map[int]string{5: peerscopeProgReceivedUdpv6Recvmsg, 6: peerscopeProgReceived6Udpv6Recvmsg}},
	{"unix_stream_sendmsg", map[int]string{3: peerscopeProgSentUnixStreamSendmsg}},
	{"unix_dgram_sendmsg", map[int]string{3: peerscopeProgSentUnixDgramSendmsg}},
	{"unix_stream_recvmsg", map[int]string{4: peerscopeProgReceivedUnixStreamRecvmsg}},
	{"unix_dgram_recvmsg", map[int]string{4: peerscopeProgReceivedUnixDgramRecvmsg}},
	{"inet_csk_accept", map[int]string{4: peerscopeProgAccepted}},
}

// choose lists the hooks that this kernel has by its type information, and the
// rung they make.
func choose(kernel *btf.Spec) (hooks []hook, rung string) {
	if _, err := kernel.AnyTypesByName("btf_trace_sock_send_length"); err == nil {
		return slices.Concat(always, tracepoints), rungTracepoints
	}
	hooks = slices.Clone(always)
	for _, f := range functions {
		h := hook{code: codeMessages, lost: lostMessages, fix: newer("6.3")}
		var fn *btf.Func
		if err := kernel.TypeByName(f.name, &fn); err != nil {
			continue
		}
		proto, ok := fn.Type.(*btf.FuncProto)
		if !ok {
			continue
		}
		if h.name = f.programs[len(proto.Params)]; h.name != "" {
			hooks = append(hooks, h)
		}
	}
	return hooks, rungFunctions
}

// only is a copy of spec with just these programs.
func only(spec *ebpf.CollectionSpec, lists ...[]hook) *ebpf.CollectionSpec {
	wanted := slices.Concat(lists...)
	out := spec.Copy()
	for name := range out.Programs {
		if !slices.ContainsFunc(wanted, func(h hook) bool { return h.name == name }) {
			delete(out.Programs, name)
		}
	}
	return out
}

var errNoCgroup = errors.New("no cgroup v2 hierarchy is mounted")

// fixOf is how to get what a hook that failed with err would give.
func (h hook) fixOf(err error) string {
	if errors.Is(err, errNoCgroup) {
		return "mount cgroup v2: mount -t cgroup2 none /sys/fs/cgroup/unified"
	}
	if h.fix == "" {
		return fmt.Sprintf("this kernel refuses it: %v", firstLine(err))
	}
	return h.fix
}
