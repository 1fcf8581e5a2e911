package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// program is one eBPF program of the tool. Runs and time are counted by the
// kernel only while its statistics are on.
type program struct {
	id     uint32
	name   string
	runs   uint64
	took   time.Duration
	memory uint64 // bytes
}

// perRun is what one run took, in nanoseconds.
func (p program) perRun() float64 {
	if p.runs == 0 {
		return 0
	}
	return float64(p.took) / float64(p.runs)
}

// table is one eBPF map of the tool; map is a word with another meaning here.
type table struct {
	id                uint32
	name, kind        string
	key, value, limit uint64 // bytes, bytes, entries
	memory            uint64 // bytes, as the kernel says
	perItem           uint64 // bytes that the kernel does not count, for each socket: see localStorage
}

// kernelSide is what the tool has in the kernel.
type kernelSide struct {
	programs []program
	tables   []table
}

// memory is what the kernel says the maps and programs take, in bytes.
func (k kernelSide) memory() (tables, programs uint64) {
	for _, t := range k.tables {
		tables += t.memory
	}
	for _, p := range k.programs {
		programs += p.memory
	}
	return tables, programs
}

// since takes off what was counted before.
func (k kernelSide) since(before kernelSide) []program {
	was := map[uint32]program{}
	for _, p := range before.programs {
		was[p.id] = p
	}
	var out []program
	for _, p := range k.programs {
		p.runs -= was[p.id].runs
		p.took -= was[p.id].took
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b program) int { return cmp.Or(cmp.Compare(b.took, a.took), cmp.Compare(a.id, b.id)) })
	return out
}

// lookIntoKernel finds the programs and maps behind a process's descriptors. A
// descriptor of a link leads to its program, and a program to its maps, because
// a process may close the descriptors that it needs no more.
func lookIntoKernel(pid int) (k kernelSide, err error) {
	programs, tables := map[uint32]bool{}, map[uint32]bool{}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	fds, err := os.ReadDir(dir)
	if err != nil {
		return k, fmt.Errorf("list descriptors of pid %d: %w", pid, err)
	}
	for _, fd := range fds {
		what, err := os.Readlink(filepath.Join(dir, fd.Name()))
		if err != nil || !strings.HasPrefix(what, "anon_inode:bpf") {
			continue // closed meanwhile, or nothing of ours
		}
		facts, err := readFacts(fmt.Sprintf("/proc/%d/fdinfo/%s", pid, fd.Name()))
		if err != nil {
			continue
		}
		if id := uint32(facts.number("prog_id")); id != 0 {
			programs[id] = true
		}
		if id := uint32(facts.number("map_id")); id != 0 {
			tables[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(programs)) {
		p, ids, err := readProgram(id)
		if err != nil {
			return k, err
		}
		k.programs = append(k.programs, p)
		for _, id := range ids {
			tables[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(tables)) {
		t, err := readTable(id)
		if err != nil {
			return k, err
		}
		k.tables = append(k.tables, t)
	}
	return k, nil
}

// readProgram opens a program by its id and reads what the kernel tells of it
// and which maps it uses.
func readProgram(id uint32) (p program, tables []uint32, err error) {
	fd, err := bpfOpen(bpfProgByID, id)
	if err != nil {
		return p, nil, fmt.Errorf("open eBPF program %d: %w", id, err)
	}
	defer fd.Close()
	facts, err := readFacts(fmt.Sprintf("/proc/self/fdinfo/%d", fd.Fd()))
	if err != nil {
		return p, nil, fmt.Errorf("read eBPF program %d: %w", id, err)
	}
	name, tables, err := bpfProgramInfo(fd)
	if err != nil {
		return p, nil, fmt.Errorf("read eBPF program %d: %w", id, err)
	}
	return program{id: id, name: name, runs: facts.number("run_cnt"), took: time.Duration(facts.number("run_time_ns")),
		memory: facts.number("memlock")}, tables, nil
}

func readTable(id uint32) (t table, err error) {
	fd, err := bpfOpen(bpfMapByID, id)
	if err != nil {
		return t, fmt.Errorf("open eBPF map %d: %w", id, err)
	}
	defer fd.Close()
	facts, err := readFacts(fmt.Sprintf("/proc/self/fdinfo/%d", fd.Fd()))
	if err != nil {
		return t, fmt.Errorf("read eBPF map %d: %w", id, err)
	}
	t = table{id: id, kind: mapKind(facts.number("map_type")), key: facts.number("key_size"), value: facts.number("value_size"),
		limit: facts.number("max_entries"), memory: facts.number("memlock")}
	if t.name, err = bpfMapName(fd); err != nil {
		return t, fmt.Errorf("read eBPF map %d: %w", id, err)
	}
	if t.kind == "sk_storage" {
		t.perItem = localStorage(t.value)
	}
	return t, nil
}

// mapKind names the kinds of map that are likely here (enum bpf_map_type).
func mapKind(n uint64) string {
	names := map[uint64]string{1: "hash", 2: "array", 5: "percpu_hash", 6: "percpu_array", 9: "lru_hash", 10: "lru_percpu_hash",
		24: "sk_storage", 27: "ringbuf", 29: "task_storage"}
	if name, ok := names[n]; ok {
		return name
	}
	return "type " + strconv.FormatUint(n, 10)
}

// localStorage is about what one socket's value takes. The kernel counts only
// the buckets of such a map: a value lives in an allocation of its own, with a
// head of 72 bytes (Linux 6.18), rounded up as kmalloc does.
func localStorage(value uint64) uint64 {
	need := 72 + (value+7)&^7
	for _, size := range []uint64{96, 128, 192, 256, 512, 1024, 2048} {
		if need <= size {
			return size
		}
	}
	return need
}

// facts are the lines of a fdinfo file: a name, a colon, a value.
type facts map[string]string

// number is 0 where there is none.
func (f facts) number(name string) uint64 {
	n, _ := strconv.ParseUint(f[name], 10, 64)
	return n
}

func readFacts(path string) (facts, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseFacts(f)
}

func parseFacts(r io.Reader) (facts, error) {
	out := facts{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok {
			out[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return out, lines.Err()
}
