package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/identity"
)

// TestDropCapabilities drops them in a process of its own, and looks at every
// thread of it.
func TestDropCapabilities(t *testing.T) {
	capturetest.RequireRoot(t)
	for source, want := range map[string]string{
		"netlink": "cap_dac_read_search,cap_net_admin,cap_sys_ptrace,cap_sys_admin",
		"ebpf":    "cap_dac_read_search,cap_net_admin,cap_sys_ptrace,cap_sys_admin,cap_perfmon,cap_bpf",
	} {
		c := exec.Command(os.Args[0], "-test.run=^TestDropCapabilitiesChild$")
		c.Env = append(os.Environ(), "PEERSCOPE_TEST_DROP="+source)
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		if err := c.Run(); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		threads := 0
		for line := range strings.Lines(out.String()) {
			fields, ok := strings.CutPrefix(strings.TrimSpace(line), "thread: ")
			if !ok {
				continue
			}
			threads++
			got := strings.Fields(fields)
			slices.Sort(got)
			sorted := strings.Split(want, ",")
			slices.Sort(sorted)
			for _, set := range got {
				name, names, _ := strings.Cut(set, "=")
				have := strings.Split(names, ",")
				slices.Sort(have)
				if wanted := strings.Join(sorted, ","); name != "CapAmb" && strings.Join(have, ",") != wanted {
					t.Errorf("%s: %s of a thread is %s, want %s", source, name, names, wanted)
				}
				if name == "CapAmb" && names != "" {
					t.Errorf("%s: ambient capabilities are left: %s", source, names)
				}
			}
		}
		if threads < 2 {
			t.Errorf("%s: only %d threads were looked at\n%s", source, threads, out.String())
		}
	}
}

func TestDropCapabilitiesChild(t *testing.T) {
	source := os.Getenv("PEERSCOPE_TEST_DROP")
	if source == "" {
		return // it is of TestDropCapabilities
	}
	if err := dropCapabilities(source); err != nil {
		t.Fatal(err)
	}
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tasks {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // a thread that ended
		}
		fmt.Print("thread: ")
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
			switch key {
			case "CapPrm", "CapEff", "CapBnd", "CapAmb":
				var bits identity.Capabilities
				fmt.Sscanf(value, "%x", (*uint64)(&bits))
				fmt.Printf("%s=%s ", key, bits)
			case "NoNewPrivs":
				if value != "1" {
					t.Error("privileges can be gained")
				}
			}
		}
		fmt.Println()
	}
}

func TestMissingCapabilities(t *testing.T) {
	var all identity.Capabilities
	for i := range 41 {
		all |= 1 << i
	}
	if gaps := missingCapabilities("auto", all); len(gaps) != 0 {
		t.Errorf("with all of them there are gaps: %v", gaps)
	}
	if gaps := missingCapabilities("netlink", 0); len(gaps) != 4 || gaps[0].Code != "no_cap_sys_ptrace" {
		t.Errorf("without any: %v", gaps)
	}
	if gaps := missingCapabilities("auto", 0); len(gaps) != len(needs) {
		t.Errorf("%d gaps, want %d", len(gaps), len(needs))
	}
}
