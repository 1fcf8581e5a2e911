package identity

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"peerscope/internal/flow"
)

// ReadHost says which machine this is. What cannot be read is left empty.
func ReadHost() flow.Host { return readHost("/") }

func readHost(root string) flow.Host {
	h := flow.Host{
		Name:   readLine(root, "proc/sys/kernel/hostname"),
		ID:     readLine(root, "etc/machine-id"),
		BootID: readLine(root, "proc/sys/kernel/random/boot_id"),
		Kernel: readLine(root, "proc/sys/kernel/osrelease"),
	}
	// machine-id(5): an image that has not booted yet says uninitialized.
	if h.ID == "" || h.ID == "uninitialized" {
		h.ID = readLine(root, "var/lib/dbus/machine-id")
	}
	return h
}

// readText reads at most 1 MiB of a small file below root; empty if it cannot.
func readText(root, path string) string {
	f, err := os.Open(filepath.Join(root, path))
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return ""
	}
	return string(b)
}

// readLine reads the first line of a file below root.
func readLine(root, path string) string {
	line, _, _ := strings.Cut(readText(root, path), "\n")
	return printable(strings.TrimSpace(line))
}
