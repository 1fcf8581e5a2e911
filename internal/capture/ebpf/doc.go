// Package ebpf observes by programs in the kernel: what happens to sockets is
// told, what they count is read.
package ebpf
