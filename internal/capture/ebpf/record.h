/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * What the programs tell. Each layout is the same in Go (bpf2go makes it from
 * the types here). Ports and sequence numbers are in host byte order, addresses
 * are in network byte order with IPv4 as IPv4-mapped IPv6, times are ns of
 * CLOCK_BOOTTIME.
 */
#ifndef PEERSCOPE_RECORD_H
#define PEERSCOPE_RECORD_H

#include <linux/types.h>

enum record_kind {
	RECORD_TCP = 1,   /* struct tcp_record: a connection, or its end */
	RECORD_LISTENER,  /* struct tcp_record */
	RECORD_HANDOVER,  /* struct tcp_record: it belonged to owner until time */
	RECORD_HOLDER,    /* struct tcp_record, only cookie and owner: one more holder */
	RECORD_UDP,       /* struct tcp_record: a socket, without counters */
	RECORD_UNIX,      /* struct unix_record */
	RECORD_PROCESS,   /* struct process_record */
	RECORD_EXIT,      /* struct process_record, only pid and start */
};

enum record_flags {
	FLAG_CALLED = 1 << 0,       /* SYN_SENT was seen: this end connected */
	FLAG_ANSWERED = 1 << 1,     /* SYN_RECV was seen: this end was connected to */
	FLAG_ESTABLISHED = 1 << 2,  /* the handshake was complete */
	FLAG_SEQUENCE = 1 << 3,     /* send_base and recv_base are right */
	FLAG_ADOPTED = 1 << 4,      /* it was there before the observation */
	FLAG_FINAL = 1 << 5,        /* it is over */
	FLAG_FIN_ACKED = 1 << 6,    /* bytes_acked counts our FIN */
	FLAG_FIN_RECEIVED = 1 << 7, /* bytes_received counts the peer's */
	FLAG_UNACCEPTED = 1 << 8,   /* complete, but no process accepted it */
	FLAG_KERNEL = 1 << 9,       /* made by the kernel for itself */
	FLAG_V6ONLY = 1 << 10,
	FLAG_UNTRACKED = 1 << 11,   /* no record was kept of it: owner and opened are not known */
	FLAG_SHARED = 1 << 12,      /* more than one descriptor leads to it, maybe in several processes */
	FLAG_MPTCP = 1 << 13,       /* a subflow of an MPTCP connection */
	FLAG_USED = 1 << 14,        /* the owner used it; else it is only the one that was met first */
	FLAG_COUNTED = 1 << 15,     /* counts against the bound */
	FLAG_EPHEMERAL = 1 << 16,   /* UDP: the kernel chose its port, nobody asked for it */
	FLAG_TOLD = 1 << 17,        /* a look has told it before, with its other end */
};

struct tcp_record {
	__u16 kind;
	__u8 state; /* include/net/tcp_states.h; of an end: the state before */
	__u8 transport;
	__u32 flags;
	__u64 time;
	__u64 cookie;
	__u64 netns;
	__u32 netns_inode;
	__u32 generation;
	__u64 opened;
	__u8 local[16];
	__u8 peer[16];
	__u16 local_port;
	__u16 peer_port;
	__u32 scope; /* interface it is bound to */
	__u32 send_base;
	__u32 recv_base;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u64 bytes_acked;
	__u64 bytes_received;
	__u32 unacked;  /* segments; of a listener: its backlog */
	__u32 not_sent; /* bytes; of a listener: the limit of its backlog */
	__u32 retransmits;
	__u32 rtt_us;
	__u32 connect_us;
	__u32 error; /* errno a connect ended in */
	__u64 owner_start;
	__u32 owner;
	__u32 holder; /* of RECORD_HANDOVER: who has it now */
	__u64 holder_start;
	__u32 met; /* number of the latest look that met it; 0: none */
	__u32 pad;
};

/* sun_path has 108 bytes; a power of two makes the bound plain to the verifier. */
#define UNIX_PATH 128

struct unix_record {
	__u16 kind;
	__u8 state;
	__u8 type;
	__u32 flags;
	__u64 time;
	__u64 cookie;
	__u64 peer;
	__u64 listener; /* on which the peer waits for accept, where the kernel tells (6.10) */
	__u64 netns;
	__u32 netns_inode;
	__u32 owner;
	__u64 owner_start;
	__u32 backlog;
	__u32 limit;
	__u16 peer_state;
	__u16 path_len; /* of the address without its family; an abstract one begins with 0 */
	__u16 peer_path_len;
	__u16 pad;
	__u64 file;   /* inode of the file it is bound to, 0: none */
	__u32 device; /* that the file is on, as the kernel numbers it: major << 20 | minor */
	__u32 pad2;
	__u8 path[UNIX_PATH];
	__u8 peer_path[UNIX_PATH];
};

#define ARGS_MAX 512
#define EXE_NAMES 10
#define EXE_NAME 64

struct process_record {
	__u16 kind;
	__u16 args_len; /* ARGS_MAX: cut off */
	__u32 pid;
	__u64 start;
	__u64 time;
	__u32 parent;
	__u32 vpid;
	__u32 uid;
	__u32 netns_inode;
	__u64 cgroup;
	__u16 kthread;
	__u16 exe_names; /* 0: not known, or too long */
	__u8 comm[16];
	__u8 exe[EXE_NAMES][EXE_NAME]; /* the names of the executable's path, from its end */
	__u8 args[ARGS_MAX];
};

/* A pair of endpoints between which one process's messages went: of UDP the
 * peer's address, of unix the peer's cookie, or the hash of the address a
 * datagram was sent to. */
struct flow_key {
	__u64 cookie;
	__u8 peer[16];
	__u16 peer_port;
	__u8 transport;
	__u8 pad;
	__u32 owner; /* tgid; 0: the kernel */
};

/* What one socket sent to and received from that peer since the map was new. */
struct flow_value {
	__u64 first;
	__u64 last;
	__u64 bytes_sent;
	__u64 bytes_received;
	__u64 sent;
	__u64 received;
	__u64 owner_start;
	__u64 netns;
	__u32 owner;
	__u32 netns_inode;
	__u32 flags;
	__u32 scope;
	__u8 local[16];
	__u16 local_port;
	__u8 connected;
	__u8 first_received;
	__u8 kernel;
	__u8 ephemeral; /* UDP: as FLAG_EPHEMERAL */
	__u8 pad[2];
};

struct unix_value {
	struct flow_value flow;
	__u8 type;
	__u8 pad[3];
	__u16 path_len;
	__u16 peer_path_len;
	__u8 path[UNIX_PATH];
	__u8 peer_path[UNIX_PATH];
};

/* What had to be left out, by reason. */
struct lost {
	__u64 ring_full;
	__u64 map_full;
	__u64 flows_full;
	__u64 late;
};

#endif
