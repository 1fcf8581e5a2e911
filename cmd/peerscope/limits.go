package main

import (
	"fmt"
	"io"

	"peerscope/internal/identity"
)

// warnLimited says in one line what an ordinary user will not see.
func warnLimited(w io.Writer) {
	self := identity.ReadSelf()
	if self.ReadsOthers && self.Capabilities.Has("cap_sys_admin") {
		return
	}
	missing := ""
	for _, c := range []string{"cap_sys_ptrace", "cap_dac_read_search", "cap_sys_admin"} {
		if !self.Capabilities.Has(c) {
			missing += " " + c
		}
	}
	if missing == "" {
		missing = " (none; see: peerscope doctor)"
	}
	fmt.Fprintf(w, "limited: mapping your own processes in this network namespace only; for the rest these capabilities are missing:%s. Run: sudo peerscope map\n", missing)
}
