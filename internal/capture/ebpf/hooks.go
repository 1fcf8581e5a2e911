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
	kprobe          string          // the function that it is a probe of
	attachType      string          // the kernel's name for cgroup, where it may be missing
	instead         *hook           // does the same where the kernel refuses this one
}

func newer(version string) string { return "use Linux " + version + " or newer" }

// What each rung rests on, best first; "4" is to do without eBPF.
const (
	rungTracepoints = "1"  // messages have tracepoints of their own (6.3)
	rungFunctions   = "2"  // the exits of functions stand in for them (5.16)
	rungAddresses   = "2b" // and records are kept by the addresses of sockets (5.8)
	rungTCP         = "3"  // TCP only
)

var (
	// required is what nothing can be done without.
	required = []hook{{name: peerscopeProgSetState}, {name: peerscopeProgLookAtFiles}}

	// forOneLook is all that one look needs.
	forOneLook = []hook{{name: peerscopeProgLookAtFiles}, {name: peerscopeProgLookAtNamespace}}

	// freed ends what is kept by a socket's address. It has to be told of every
	// socket: another may get the same address.
	freed = hook{name: peerscopeProgFreed, instead: &hook{name: peerscopeProgFreedByProbe, kprobe: "security_sk_free"}}

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
		{name: peerscopeProgSendToUnix, cgroup: ebpf.AttachCgroupUnixSendmsg, attachType: "BPF_CGROUP_UNIX_SENDMSG", instead: &hook{name: peerscopeProgNamedDatagram}, code: "no_unix_datagram_peers", lost: "whom a unix datagram is sent to by name is not known", fix: newer("6.7")},
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
// program for each number of its parameters. Not every kernel is built with
// those of MPTCP.
var functions = []struct {
	name     string
	programs map[int]string
	optional bool
}{
	{name: "tcp_sendmsg", programs: map[int]string{3: peerscopeProgSentTcpSendmsg}},
	{name: "mptcp_sendmsg", programs: map[int]string{3: peerscopeProgSentMptcpSendmsg}, optional: true},
	{name: "udp_sendmsg", programs: map[int]string{3: peerscopeProgSentUdpSendmsg}},
	{name: "udpv6_sendmsg", programs: map[int]string{3: peerscopeProgSentUdpv6Sendmsg}},
	{name: "tcp_recvmsg", programs: map[int]string{5: peerscopeProgReceivedTcpRecvmsg, 6: peerscopeProgReceived6TcpRecvmsg}},
	{name: "mptcp_recvmsg", programs: map[int]string{5: peerscopeProgReceivedMptcpRecvmsg, 6: peerscopeProgReceived6MptcpRecvmsg}, optional: true},
	{name: "udp_recvmsg", programs: map[int]string{5: peerscopeProgReceivedUdpRecvmsg, 6: peerscopeProgReceived6UdpRecvmsg}},
	{name: "udpv6_recvmsg", programs: map[int]string{5: peerscopeProgReceivedUdpv6Recvmsg, 6: peerscopeProgReceived6Udpv6Recvmsg}},
	{name: "unix_stream_sendmsg", programs: map[int]string{3: peerscopeProgSentUnixStreamSendmsg}},
	{name: "unix_dgram_sendmsg", programs: map[int]string{3: peerscopeProgSentUnixDgramSendmsg}},
	{name: "unix_stream_recvmsg", programs: map[int]string{4: peerscopeProgReceivedUnixStreamRecvmsg}},
	{name: "unix_dgram_recvmsg", programs: map[int]string{4: peerscopeProgReceivedUnixDgramRecvmsg}},
	{name: "unix_seqpacket_sendmsg", programs: map[int]string{3: peerscopeProgSentUnixSeqpacketSendmsg}},
	{name: "unix_seqpacket_recvmsg", programs: map[int]string{4: peerscopeProgReceivedUnixSeqpacketRecvmsg}},
	{name: "inet_csk_accept", programs: map[int]string{4: peerscopeProgAccepted}},
}

// choice is what can be done on a kernel: the hooks to load, those that it does
// not have by its type information, and the rung they make.
type choice struct {
	hooks, missing []hook
	rung           string
}

// choose picks the hooks for a kernel. atSocket: its programs may keep what they
// know at the socket itself.
func choose(kernel *btf.Spec, atSocket bool) choice {
	c := choice{rung: rungFunctions}
	for _, h := range always {
		there := h.attachType == "" || hasAttachType(kernel, h.attachType)
		if !there && h.instead != nil {
			instead := *h.instead
			instead.code, instead.lost, instead.fix = h.code, h.lost, h.fix
			h, there = instead, true
		}
		c.add(h, there)
	}
	if !atSocket {
		c.rung = rungAddresses
	} else if _, err := kernel.AnyTypesByName("btf_trace_sock_send_length"); err == nil {
		c.rung = rungTracepoints
		c.hooks = append(c.hooks, tracepoints...)
		return c
	}
	for _, f := range functions {
		h := hook{name: f.programs[parameters(kernel, f.name)], code: codeMessages, lost: lostMessages, fix: newer("6.3")}
		if h.name != "" || !f.optional {
			c.add(h, h.name != "")
		}
	}
	return c
}

func (c *choice) add(h hook, there bool) {
	if there {
		c.hooks = append(c.hooks, h)
	} else {
		c.missing = append(c.missing, h)
	}
}

// hasAttachType: programs may be attached there.
func hasAttachType(kernel *btf.Spec, name string) bool {
	var kinds *btf.Enum
	if err := kernel.TypeByName("bpf_attach_type", &kinds); err != nil {
		return false
	}
	return slices.ContainsFunc(kinds.Values, func(v btf.EnumValue) bool { return v.Name == name })
}

// parameters is how many a function of the kernel has; -1: there is none.
func parameters(kernel *btf.Spec, name string) int {
	var fn *btf.Func
	if err := kernel.TypeByName(name, &fn); err != nil {
		return -1
	}
	if proto, ok := fn.Type.(*btf.FuncProto); ok {
		return len(proto.Params)
	}
	return -1
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

var (
	errNoCgroup = errors.New("no cgroup v2 hierarchy is mounted")
	errNotThere = errors.New("it has no such place for a program")
)

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
