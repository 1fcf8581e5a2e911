package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"peerscope/internal/capture/ebpf"
	"peerscope/internal/capture/netlink"
	"peerscope/internal/conntrack"
	"peerscope/internal/identity"
)

// check is one thing that this host allows or not, and what to do about it.
type check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
	// Note: not a fault, but something to know.
	Note bool `json:"note,omitempty"`
}

func newDoctor(s streams) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:     "doctor",
		Short:   "Say what this host allows, and how to mend what is missing",
		Example: "  peerscope doctor\n  peerscope doctor -o json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if format != "text" && format != "json" {
				return usage(fmt.Errorf("unknown output %q: it is text or json", format))
			}
			checks := examine(identity.ReadSelf())
			for _, f := range ebpf.Examine() {
				checks = append(checks, check{Name: f.Name, OK: f.OK, Detail: f.Detail, Fix: f.Fix})
			}
			for _, f := range netlink.Examine("/proc") {
				checks = append(checks, check{Name: f.Name, OK: f.OK, Detail: f.Detail, Fix: f.Fix})
			}
			f := conntrack.Examine("/proc")
			checks = append(checks, check{Name: f.Name, OK: f.OK, Detail: f.Detail, Fix: f.Fix})
			if format == "json" {
				e := json.NewEncoder(s.out)
				e.SetIndent("", "  ")
				return e.Encode(map[string]any{"schema": "peerscope.doctor/v1", "checks": checks})
			}
			return printChecks(s.out, checks, isTerminal(s.out) && os.Getenv("NO_COLOR") == "")
		},
	}
	c.Flags().StringVarP(&format, "output", "o", "text", "`FORMAT`: text or json")
	return c
}

// examine judges the facts about this program and its host.
func examine(self identity.Self) []check {
	var out []check
	add := func(name string, ok bool, good, bad, fix string) {
		c := check{Name: name, OK: ok, Detail: good}
		if !ok {
			c.Detail, c.Fix = bad, fix
		}
		out = append(out, c)
	}
	add("processes of others", self.ReadsOthers, "their open files can be read, so every socket finds its process",
		"their open files cannot be read: only your own processes are named",
		"run as root, or: sudo setcap "+allCapabilities+"+ep $(command -v peerscope)")
	add("network namespaces", self.Capabilities.Has("cap_sys_admin"), "other namespaces can be entered",
		"other namespaces cannot be entered: only this one is mapped", "run as root, or give the program CAP_SYS_ADMIN")
	add("large buffers", self.Capabilities.Has("cap_net_admin"), "the kernel's messages have room in a burst",
		"without CAP_NET_ADMIN a burst of ending connections may overrun the small default buffer (it is counted if so)",
		"run as root, or give the program CAP_NET_ADMIN")
	add("pid namespace", self.PIDNamespace.Initial || self.HostProcesses, "it is the host's: pids mean what they mean everywhere",
		"it is not the host's: processes outside of it have no name here", "docker run --pid=host, or hostPID: true in Kubernetes")
	add("hidepid", self.HidePID == "" || self.HidePID == "off" || self.ReadsOthers, "/proc shows every process",
		"/proc is mounted with hidepid="+self.HidePID+": processes of others are hidden", "run as root, or: sudo mount -o remount,hidepid=0 /proc")
	if len(self.ContainerSigns) > 0 {
		out = append(out, check{Name: "container", OK: self.HostProcesses, Note: true,
			Detail: "this runs in a container (signs: " + strings.Join(self.ContainerSigns, ", ") + ")",
			Fix:    "to map the host: --pid=host --net=host --privileged, or the same in the pod's spec"})
	}
	if !self.UserNamespace.Initial && self.UserNamespace.Inode != 0 {
		out = append(out, check{Name: "user namespace", Note: true, Detail: "it is not the host's: root here is not root there", Fix: "run outside of the user namespace"})
	}
	out = append(out, check{Name: "kernel", OK: true, Detail: self.Kernel + ", cgroup " + self.CgroupVersion})
	if self.Lockdown != "" && self.Lockdown != "none" {
		out = append(out, check{Name: "lockdown", OK: true, Note: true, Detail: self.Lockdown})
	}
	return out
}

func printChecks(w io.Writer, checks []check, color bool) error {
	var b strings.Builder
	width := 0
	for _, c := range checks {
		width = max(width, len(c.Name))
	}
	for _, c := range checks {
		mark, paint := "✓", "32"
		switch {
		case c.Note && !c.OK:
			mark, paint = "!", "33"
		case !c.OK:
			mark, paint = "✗", "31"
		}
		if color {
			mark = "\x1b[" + paint + "m" + mark + "\x1b[0m"
		}
		fmt.Fprintf(&b, "%s %-*s  %s\n", mark, width, c.Name, c.Detail)
		if c.Fix != "" && !c.OK {
			fmt.Fprintf(&b, "  %-*s  fix: %s\n", width, "", c.Fix)
		}
	}
	bad := slices.ContainsFunc(checks, func(c check) bool { return !c.OK })
	if bad {
		b.WriteString("\nA map can be taken here, with the gaps above; each map names its own.\n")
	} else {
		b.WriteString("\nEverything is in place: peerscope map\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
