package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"peerscope/internal/identity"
)

// allCapabilities are those without which something is not seen.
const allCapabilities = "cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search,cap_sys_admin,cap_net_admin"

// missingRights are the capabilities that an ordinary user lacks to see the
// processes of others; limited is false if nothing is.
func missingRights() (names []string, limited bool) {
	self := identity.ReadSelf()
	if self.ReadsOthers && self.Capabilities.Has("cap_sys_admin") {
		return nil, false
	}
	for _, c := range []string{"cap_sys_ptrace", "cap_dac_read_search", "cap_sys_admin"} {
		if !self.Capabilities.Has(c) {
			names = append(names, c)
		}
	}
	return names, true
}

// warnLimited says in one line what an ordinary user will not see.
func warnLimited(w io.Writer) {
	names, limited := missingRights()
	if !limited {
		return
	}
	missing := strings.Join(names, " ")
	if missing == "" {
		missing = "(none; see: peerscope doctor)"
	}
	fmt.Fprintf(w, "limited: mapping your own processes in this network namespace only; for the rest these capabilities are missing: %s. Run it with sudo\n", missing)
}

// topLimits says the same where there is one line of a screen for it, the way out
// first; empty: nothing is limited.
func topLimits() string {
	if _, limited := missingRights(); !limited {
		return ""
	}
	program, err := os.Executable()
	if err != nil {
		program = "$(command -v peerscope)"
	}
	return "limited to your own processes: run sudo peerscope, or sudo setcap " + allCapabilities + "+ep " + program
}
