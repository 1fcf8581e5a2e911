package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestMain lets the test's own program be the helpers.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childArg {
		if err := child(os.Args[2:]); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// privileged leaves a test out where it cannot run, or fails it where nothing
// may be left out.
func privileged(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") == "1" {
		t.Fatal("needs root, for network namespaces and eBPF")
	}
	t.Skip("needs root, for network namespaces and eBPF")
}

func testSpace(t *testing.T) *space {
	t.Helper()
	privileged(t)
	runtime.LockOSThread() // as main does
	sp, err := newSpace("pscost", "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sp.close(); err != nil {
			t.Error(err)
		}
	})
	return sp
}

func TestPacedLoadMakesWhatItSays(t *testing.T) {
	sp := testSpace(t)
	server, err := startHelper(sp, "answer")
	if err != nil {
		t.Fatal(err)
	}
	var port int
	if err := server.hear(&port, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	before, err := sp.tcp()
	if err != nil {
		t.Fatal(err)
	}
	p, err := pacedLoad(t.Context(), settings{rate: 501}, sp, port, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	after, err := sp.tcp()
	if err != nil {
		t.Fatal(err)
	}
	if truth := after.since(before); p.Connections != 501 || p.Failed != 0 || truth != (tcpCounters{501, 501}) {
		t.Errorf("it says %+v, the kernel %+v, want 501", p, truth)
	}
	if p.Seconds < 0.9 {
		t.Errorf("over after %v s, want 1: it is not paced", p.Seconds)
	}
	if err := server.stop(); err != nil {
		t.Error(err)
	}
}

func TestCrowdIsThereAndLeaves(t *testing.T) {
	sp := testSpace(t)
	c, err := gather(t.Context(), sp, 25)
	if err != nil {
		t.Fatal(err)
	}
	counters, err := sp.tcp()
	if err != nil || counters != (tcpCounters{25, 25}) {
		t.Errorf("got %+v, %v, want 25", counters, err)
	}
	if err := c.leave(); err != nil {
		t.Error(err)
	}
}

// fakeTool is a tool that does what the script says once it is asked to end.
func fakeTool(t *testing.T, script string) settings {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return settings{tool: path, source: "netlink"}
}

func TestToolIsMeasuredFromItsFirstLook(t *testing.T) {
	sp := testSpace(t)
	s := fakeTool(t, "trap 'cat <<E\n"+aMap+"\nE\nexit 0' INT\nsleep 0.1\necho observing 1 network namespace >&2\nwhile :; do sleep 0.02; done\n")
	tool, err := startTool(t.Context(), s, sp, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	u, err := tool.finish()
	if err != nil {
		t.Fatal(err)
	}
	if u.start < 100*time.Millisecond || u.observed < 100*time.Millisecond || u.total <= 0 || u.resident == 0 || u.peak < u.resident {
		t.Errorf("got %+v", u)
	}
	if u.connected.all() != 11 {
		t.Errorf("got %d connections of its map, want 11", u.connected.all())
	}
}

func TestToolThatFailsIsAnError(t *testing.T) {
	sp := testSpace(t)
	if _, err := startTool(t.Context(), fakeTool(t, "echo no such source >&2\nexit 4\n"), sp, time.Minute); err == nil || !strings.Contains(err.Error(), "no such source") {
		t.Errorf("it never observed: got %v, want its words", err)
	}
	for name, script := range map[string]string{
		"it ends by itself":   "echo observing >&2\nexit 3\n",
		"it fails at its end": "trap 'exit 1' INT\necho observing >&2\nwhile :; do sleep 0.02; done\n",
		"its map is none":     "trap 'echo done; exit 0' INT\necho observing >&2\nwhile :; do sleep 0.02; done\n",
	} {
		tool, err := startTool(t.Context(), fakeTool(t, script), sp, time.Minute)
		if err != nil {
			continue // it may be gone so soon that this is noticed already
		}
		time.Sleep(50 * time.Millisecond)
		if _, err := tool.finish(); err == nil {
			t.Errorf("%s: no error", name)
		}
		tool.kill()
	}
}

// TestKernelSideIsFound loads the smallest program with a map, runs it, and
// finds both behind this process's descriptors.
func TestKernelSideIsFound(t *testing.T) {
	privileged(t)
	attr := make([]byte, 28) // map_type, key_size, value_size, max_entries, map_flags, inner_map_fd, numa_node
	for i, v := range []uint32{2, 4, 8, 100} {
		binary.NativeEndian.PutUint32(attr[4*i:], v)
	}
	array := loaded(t, 0, attr)
	// r1 = the map; r0 = 0; exit. A reference in the code binds the map to the
	// program.
	code := []uint64{uint64(array.Fd())<<32 | 1<<12 | 1<<8 | 0x18, 0, 0xb7, 0x95}
	license := []byte("GPL\x00")
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&code[0])
	pin.Pin(&license[0])
	attr = make([]byte, 64) // prog_type, insn_cnt, insns, license, log_level ... prog_name at 48
	binary.NativeEndian.PutUint32(attr, 1)
	binary.NativeEndian.PutUint32(attr[4:], uint32(len(code)))
	binary.NativeEndian.PutUint64(attr[8:], uint64(uintptr(unsafe.Pointer(&code[0]))))
	binary.NativeEndian.PutUint64(attr[16:], uint64(uintptr(unsafe.Pointer(&license[0]))))
	copy(attr[48:], "nothing")
	nothing := loaded(t, 5, attr)
	array.Close() // the program leads to it

	counting, err := countRuns()
	if err != nil {
		t.Fatal(err)
	}
	defer counting.Close()
	before, err := lookIntoKernel(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	packet := make([]byte, 64)
	pin.Pin(&packet[0])
	attr = make([]byte, 48) // prog_fd, retval, data_size_in, data_size_out, data_in, data_out, repeat
	binary.NativeEndian.PutUint32(attr, uint32(nothing.Fd()))
	binary.NativeEndian.PutUint32(attr[8:], uint32(len(packet)))
	binary.NativeEndian.PutUint64(attr[16:], uint64(uintptr(unsafe.Pointer(&packet[0]))))
	binary.NativeEndian.PutUint32(attr[32:], 1000)
	if _, err := bpf(10, attr); err != nil {
		t.Fatalf("run the program: %v", err)
	}
	after, err := lookIntoKernel(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	got := after.since(before)
	if len(got) != 1 || got[0].name != "nothing" || got[0].runs != 1000 || got[0].took <= 0 || got[0].memory == 0 {
		t.Errorf("got programs %+v, want one of 1000 runs", got)
	}
	if len(after.tables) != 1 || after.tables[0].kind != "array" || after.tables[0].limit != 100 || after.tables[0].value != 8 || after.tables[0].memory < 800 {
		t.Errorf("got maps %+v, want an array of 100", after.tables)
	}
	var out bytes.Buffer
	r := newReport(&out, "ebpf")
	r.kernel(after, 10)
	r.runs("load", got, 500, "request")
	if !strings.Contains(out.String(), "array") || !strings.Contains(out.String(), "nothing") {
		t.Errorf("the report does not name them:\n%s", out.String())
	}
}

// loaded makes something in the kernel by one call of bpf(2).
func loaded(t *testing.T, command uintptr, attr []byte) *os.File {
	t.Helper()
	fd, err := bpf(command, attr)
	if err != nil {
		t.Fatalf("bpf command %d: %v", command, err)
	}
	f := os.NewFile(fd, "bpf")
	t.Cleanup(func() { f.Close() })
	return f
}

// TestProcessorTime: this process's own clock agrees with what the kernel
// tells it directly.
func TestProcessorTime(t *testing.T) {
	for began := time.Now(); time.Since(began) < 30*time.Millisecond; {
	}
	got, err := processorTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	if own := time.Duration(ts.Nano()); got < 20*time.Millisecond || own < got || own-got > 50*time.Millisecond {
		t.Errorf("got %v, the process itself reads %v", got, own)
	}
}

func TestKernelThreadsAreCounted(t *testing.T) {
	used, err := kernelThreads()
	if err != nil || len(used) == 0 {
		t.Skipf("this machine shows no threads of the kernel: %v", err)
	}
	var pid int
	for pid = range used {
		break
	}
	later := map[int]time.Duration{pid: used[pid] + 5, -1: 7}
	if got := usedSince(used, later); got != 12 {
		t.Errorf("got %v, want 12ns: 5 of one that was there, 7 of one that came", got)
	}
}
