package identity

import (
	"fmt"
	"strconv"
	"strings"
)

// Capabilities is a set of capabilities, one bit each with the kernel's
// numbers (include/uapi/linux/capability.h).
type Capabilities uint64

var capabilityNames = [...]string{"cap_chown", "cap_dac_override", "cap_dac_read_search", "cap_fowner",
	"cap_fsetid", "cap_kill", "cap_setgid", "cap_setuid", "cap_setpcap", "cap_linux_immutable",
	"cap_net_bind_service", "cap_net_broadcast", "cap_net_admin", "cap_net_raw", "cap_ipc_lock",
	"cap_ipc_owner", "cap_sys_module", "cap_sys_rawio", "cap_sys_chroot", "cap_sys_ptrace",
	"cap_sys_pacct", "cap_sys_admin", "cap_sys_boot", "cap_sys_nice", "cap_sys_resource",
	"cap_sys_time", "cap_sys_tty_config", "cap_mknod", "cap_lease", "cap_audit_write",
	"cap_audit_control", "cap_setfcap", "cap_mac_override", "cap_mac_admin", "cap_syslog",
	"cap_wake_alarm", "cap_block_suspend", "cap_audit_read", "cap_perfmon", "cap_bpf",
	"cap_checkpoint_restore"}

// parseCapabilities reads a line of /proc/PID/status like CapEff: hexadecimal.
func parseCapabilities(b []byte) Capabilities {
	n, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil {
		return 0
	}
	return Capabilities(n)
}

// Has reports whether the capability of that name (cap_net_admin) is in the set.
func (c Capabilities) Has(name string) bool {
	for i, n := range capabilityNames {
		if n == name {
			return c&(1<<i) != 0
		}
	}
	return false
}

// Names are the names in the kernel's order; one that is newer than this
// program is called by its number, cap_41.
func (c Capabilities) Names() []string {
	var names []string
	for i := range 64 {
		switch {
		case c&(1<<i) == 0:
		case i < len(capabilityNames):
			names = append(names, capabilityNames[i])
		default:
			names = append(names, fmt.Sprintf("cap_%d", i))
		}
	}
	return names
}

func (c Capabilities) String() string { return strings.Join(c.Names(), ",") }
