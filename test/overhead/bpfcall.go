package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Commands of bpf(2).
const (
	bpfProgByID    = 13
	bpfMapByID     = 14
	bpfInfoByFD    = 15
	bpfEnableStats = 32 // since Linux 5.8
)

// bpf makes one call. The attribute is a prefix of union bpf_attr: the kernel
// takes what is missing for zero.
func bpf(command uintptr, attr []byte) (uintptr, error) {
	r, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(unsafe.Pointer(&attr[0])), uintptr(len(attr)))
	if errno != 0 {
		return 0, errno
	}
	return r, nil
}

// bpfOpen gets a descriptor of a program or map by its id (CAP_SYS_ADMIN).
func bpfOpen(command uintptr, id uint32) (*os.File, error) {
	attr := make([]byte, 12) // id, next_id, open_flags
	binary.NativeEndian.PutUint32(attr, id)
	fd, err := bpf(command, attr)
	if err != nil {
		return nil, err
	}
	return os.NewFile(fd, fmt.Sprintf("bpf:%d", id)), nil
}

// countRuns makes the kernel count the runs of all programs and their time,
// until the descriptor is closed. Counting costs too, some tens of nanoseconds
// a run.
func countRuns() (*os.File, error) {
	fd, err := bpf(bpfEnableStats, make([]byte, 4)) // BPF_STATS_RUN_TIME is 0
	if err != nil {
		return nil, fmt.Errorf("turn on the kernel's statistics of eBPF programs: %w", err)
	}
	return os.NewFile(fd, "bpf:stats"), nil
}

// bpfInfo fills info with the beginning of struct bpf_prog_info or bpf_map_info.
func bpfInfo(fd *os.File, info []byte) error {
	// The kernel gets the address as a number, so the memory must stay where it is.
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&info[0])
	attr := make([]byte, 16) // bpf_fd, info_len, info
	binary.NativeEndian.PutUint32(attr, uint32(fd.Fd()))
	binary.NativeEndian.PutUint32(attr[4:], uint32(len(info)))
	binary.NativeEndian.PutUint64(attr[8:], uint64(uintptr(unsafe.Pointer(&info[0]))))
	_, err := bpf(bpfInfoByFD, attr)
	return err
}

// bpfProgramInfo reads a program's name and the ids of its maps. In struct
// bpf_prog_info nr_map_ids is at 52, map_ids at 56, name at 64.
func bpfProgramInfo(fd *os.File) (string, []uint32, error) {
	ids := make([]uint32, 64)
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&ids[0])
	info := make([]byte, 80)
	binary.NativeEndian.PutUint32(info[52:], uint32(len(ids)))
	binary.NativeEndian.PutUint64(info[56:], uint64(uintptr(unsafe.Pointer(&ids[0]))))
	if err := bpfInfo(fd, info); err != nil {
		return "", nil, err
	}
	n := min(int(binary.NativeEndian.Uint32(info[52:])), len(ids))
	return cString(info[64:80]), ids[:n], nil
}

// bpfMapName reads the name, which is at 24 in struct bpf_map_info.
func bpfMapName(fd *os.File) (string, error) {
	info := make([]byte, 40)
	if err := bpfInfo(fd, info); err != nil {
		return "", err
	}
	return cString(info[24:40]), nil
}

func cString(b []byte) string {
	text, _, _ := bytes.Cut(b, []byte{0})
	return string(text)
}
