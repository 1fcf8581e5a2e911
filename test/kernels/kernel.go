package main

import (
	"fmt"
	"slices"
	"strings"
)

// kernel is a kernel of Debian, as apt names it.
type kernel struct {
	name string
	// source is the line of a sources list that has it.
	source string
	// meta is the package that depends on the newest image of the series.
	meta string
	// cpu is qemu's model; 6.12 does not boot with a cx16 that TCG emulates.
	cpu string
	// beyond are the core scenarios that this kernel cannot play, with the reason.
	beyond map[string]string
}

// The cloud flavour is a third of the size and has what the lab uses.
const image = "linux-image-cloud-amd64"

func allKernels() []kernel {
	return []kernel{
		{name: "5.10", source: "deb http://deb.debian.org/debian-security bullseye-security main", meta: image, cpu: "max",
			beyond: map[string]string{"mptcp": "it is built without MPTCP"}},
		{name: "6.1", source: "deb http://deb.debian.org/debian-security bookworm-security main", meta: image, cpu: "max"},
		{name: "6.12", source: "deb http://deb.debian.org/debian trixie main", meta: image, cpu: "max,-cx16"},
	}
}

// core are the scenarios that every kernel plays: each way a connection or a
// datagram can go, once. Those that are about load or about real programs are
// left to the kernel of the machine.
func core() []string {
	return []string{
		"loopback", "before", "snapshot", "dnat-masquerade", "prefork", "unaccepted", "handover", "shared-socket", "ipv6",
		"millisecond", "brief-clients", "retried-socket", "resets", "exits", "refused", "splice-sendfile", "io-uring", "mptcp", "brief-netns",
		"udp-connected", "udp-unconnected", "udp-forked", "unix-stream", "unix-seqpacket", "unix-datagram", "socketpair",
	}
}

// scenarios are those of core that the kernel can play.
func (k kernel) scenarios() []string {
	return slices.DeleteFunc(core(), func(name string) bool { return k.beyond[name] != "" })
}

// leftOut are those that it cannot, with the reason.
func (k kernel) leftOut() []string {
	var out []string
	for _, name := range core() {
		if why := k.beyond[name]; why != "" {
			out = append(out, name+" ("+why+")")
		}
	}
	return out
}

func kernelNames() []string {
	var out []string
	for _, k := range allKernels() {
		out = append(out, k.name)
	}
	return out
}

// kernelsOf reads a list of names, separated by commas; empty: all.
func kernelsOf(list string) ([]kernel, error) {
	all := allKernels()
	if list == "" {
		return all, nil
	}
	var out []kernel
	for _, name := range strings.Split(list, ",") {
		i := slices.IndexFunc(all, func(k kernel) bool { return k.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown kernel %q: there are %s", name, strings.Join(kernelNames(), ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}
