package ebpf

// The objects are committed with their source; TestObjects proves that they are
// what the source makes. `make generate` installs the compiler where it is
// missing.
//
//go:generate go tool -modfile=../../../tools/go.mod bpf2go -target amd64,arm64 -cflags "-O2 -Wall -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu" -type tcp_record -type unix_record -type process_record -type flow_key -type flow_value -type unix_value -type lost -type record_kind -type record_flags peerscope peerscope.bpf.c

// compiler is what made the committed objects.
const compiler = "Debian clang version 14.0.6"
