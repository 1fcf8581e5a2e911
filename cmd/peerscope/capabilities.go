package main

import (
	"fmt"
	"slices"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"peerscope/internal/flow"
	"peerscope/internal/identity"
)

// need is a capability that observing takes, and what is missing without it.
type need struct {
	value   cap.Value
	ebpf    bool // by that source only
	without string
}

// needs are all that are kept while observing; the rest is dropped. By source,
// since what only loads and drives programs is of no use to the other one.
var needs = [...]need{
	{cap.BPF, true, "no programs can be loaded: connections are observed by looking, and short ones may be missed"},
	{cap.PERFMON, true, "no programs can be attached: connections are observed by looking, and short ones may be missed"},
	{cap.SYS_PTRACE, false, "open files of other users' processes cannot be read: their sockets have no process where the kernel does not tell"},
	{cap.DAC_READ_SEARCH, false, "executables and states of container runtimes that are closed to this user cannot be read: names may be missing"},
	{cap.SYS_ADMIN, false, "other network namespaces cannot be entered: their addresses and translations are not known"},
	{cap.NET_ADMIN, false, "conntrack cannot be read and buffers stay small: translations are not known, bursts may be lost (counted)"},
}

// missingCapabilities are gaps, one for each need that this program does not have.
func missingCapabilities(source string, has identity.Capabilities) []flow.Gap {
	var gaps []flow.Gap
	for _, n := range needs {
		name := n.value.String()
		if has.Has(name) || n.ebpf && source == "netlink" {
			continue
		}
		gaps = append(gaps, flow.Gap{Code: "no_" + name, Reason: n.without,
			Fix: "run as root, or give the program " + name + " (packaging/peerscope.service has all)"})
	}
	return gaps
}

// dropCapabilities gives up, in all threads and for good, what observing by that
// source does not need. What was not there before is not gained.
func dropCapabilities(source string) error {
	have := cap.GetProc()
	keep := cap.NewSet()
	for _, n := range needs {
		if n.ebpf && source == "netlink" {
			continue
		}
		for _, flag := range [...]cap.Flag{cap.Permitted, cap.Effective} {
			if on, err := have.GetFlag(cap.Permitted, n.value); err != nil || !on {
				continue
			}
			if err := keep.SetFlag(flag, true, n.value); err != nil {
				return fmt.Errorf("keep %v: %w", n.value, err)
			}
		}
	}
	// The bounding set first: it takes CAP_SETPCAP, which goes with the rest.
	if on, err := have.GetFlag(cap.Effective, cap.SETPCAP); err == nil && on {
		if err := dropBounds(keep); err != nil {
			return err
		}
	}
	if err := cap.ResetAmbient(); err != nil {
		return fmt.Errorf("drop ambient capabilities: %w", err)
	}
	if err := keep.SetProc(); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	const prSetNoNewPrivs = 38 // include/uapi/linux/prctl.h
	if _, err := cap.Prctlw(prSetNoNewPrivs, 1); err != nil {
		return fmt.Errorf("give up to gain privileges: %w", err)
	}
	return nil
}

// dropBounds takes out of the bounding set what is not kept.
func dropBounds(keep *cap.Set) error {
	var drop []cap.Value
	for v := cap.Value(0); v < cap.MaxBits(); v++ {
		if on, err := keep.GetFlag(cap.Permitted, v); err != nil || on {
			continue
		}
		if bound, err := cap.GetBound(v); err == nil && bound {
			drop = append(drop, v)
		}
	}
	slices.Sort(drop)
	if len(drop) == 0 {
		return nil
	}
	if err := cap.DropBound(drop...); err != nil {
		return fmt.Errorf("drop capabilities from the bounding set: %w", err)
	}
	return nil
}
