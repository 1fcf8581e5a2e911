/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* What the programs keep, and what they are told when they are loaded. */
#ifndef PEERSCOPE_MAPS_H
#define PEERSCOPE_MAPS_H

#include "kernel.h"
#include "record.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* Set before loading. */
const volatile bool only_some = false;    /* observe only the namespaces in `namespaces` */
const volatile __u32 max_tracked = 1 << 20; /* connections of which a record is kept */
const volatile __u32 wake_bytes = 1 << 20;  /* what may wait in the ring before user space is woken */
const volatile bool net_cookie = true;      /* net.net_cookie is there and set */
const volatile bool once = false;           /* one look and nothing else: keep no records */

/* Changed while running. */
bool adopting = true; /* what is met now was there before */
__u32 look = 0;       /* number of the look that goes on */
__u64 window = 0;     /* when the open window began: what is younger is told again at its end */
__s64 tracked = 0;    /* connections counted against max_tracked */
__u64 untracked = 0;  /* connections that found no room */
bool recount = false; /* a look tells all there is, whether it was told before or not */
__u64 unchanged = 0;  /* connections that the look did not tell, as nothing of them is new */
bool deep = false;    /* more connections wait for accept than one listener leads to */
bool woken = false;   /* user space has been woken and did not read yet */

/* What is known of a TCP socket beyond what it knows itself. */
struct conn {
	__u64 opened;
	__u64 owner_start;
	__u32 owner; /* tgid of the process that last used it; 0: none yet */
	__u32 generation;
	__u32 send_base;
	__u32 recv_base;
	__u32 connect_us;
	__u32 flags;
	__u32 look; /* the latest look that met it */
	__u32 handovers;
	__u64 told; /* stands for what was told of it last, see news(); 0: nothing */
};

/*
 * Who uses an MPTCP socket, by its address in the kernel: a process has the
 * message socket, events and counters are on its subflows. (No program may ask
 * for the one from the other, so it is no sk_storage.)
 */
struct message_owner {
	__u64 at;
	__u64 start;
	__u32 pid;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct message_owner);
} message_owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");

/* Processes that have been told, by tgid: their start. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} processes SEC(".maps");

/* Inodes of the namespaces that are observed, where not all are. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
} namespaces SEC(".maps");

/*
 * Messages by socket and peer. User space puts an empty map in the place of the
 * one in use and then reads that at leisure: nothing is counted twice or lost,
 * and what they hold is bounded by what happens between two such changes.
 */
struct udp_flows {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct flow_key);
	__type(value, struct flow_value);
};

struct unix_flows {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct flow_key);
	__type(value, struct unix_value);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct udp_flows);
} udp SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct unix_flows);
} unix_ SEC(".maps");

/* The address of a datagram on its way through a system call, by thread. */
struct address {
	__u64 cookie;
	__u8 peer[16];
	__u16 port;
	__u16 path_len;
	__u32 pad;
	__u8 path[UNIX_PATH];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct address);
} addresses SEC(".maps");

/* Room for what is too large for the stack. */
struct scratch {
	struct unix_value unix_;
	struct address address;
	struct tcp_record tcp;
	struct unix_record unix_record;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lost);
} losses SEC(".maps");

#define LOST(reason)                                                          \
	do {                                                                  \
		__u32 zero_ = 0;                                              \
		struct lost *l_ = bpf_map_lookup_elem(&losses, &zero_);       \
		if (l_)                                                       \
			l_->reason++;                                         \
	} while (0)

/* The reader looks ten times a second; it is woken in between only where the
 * ring fills, and then once. */
static __always_inline __u64 wake(void)
{
	if (woken || bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < wake_bytes)
		return BPF_RB_NO_WAKEUP;
	woken = true;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline __u64 now(void)
{
	return bpf_ktime_get_boot_ns();
}

static __always_inline struct scratch *room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

#endif
