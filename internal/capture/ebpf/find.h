/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * How the programs find what belongs to a socket, and read it: the one place
 * that knows of two kinds of kernel.
 *
 * Since 5.16 a program keeps its record at the socket, has the kernel's own
 * number for it (the cookie), and follows typed pointers that the verifier
 * checks. Before, some of the helpers for that are missing or refused in
 * tracing. Then records and numbers are kept by the socket's address until it
 * is freed, and what an untyped pointer leads to is copied out. The branch that
 * is not taken is dropped when the programs are loaded.
 */
#ifndef PEERSCOPE_FIND_H
#define PEERSCOPE_FIND_H

#include "maps.h"

/* Set before loading: keeps_at_socket was refused. */
const volatile bool by_address = false;

/* A field of what a pointer leads to. */
#define READ(p, field) (by_address ? BPF_CORE_READ(p, field) : (p)->field)

#define READ_BITS(p, field) (by_address ? BPF_CORE_READ_BITFIELD_PROBED(p, field) : BPF_CORE_READ_BITFIELD(p, field))

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct conn);
} conns SEC(".maps");

/* The same, by address. User space makes it larger if it is used. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct conn);
} conns_at SEC(".maps");

/* What stands for the cookie, by address: a number that no other socket gets. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u64);
} names_at SEC(".maps");

static __always_inline struct conn *found(struct sock *sk)
{
	__u64 at = (__u64)sk;

	return by_address ? bpf_map_lookup_elem(&conns_at, &at) : bpf_sk_storage_get(&conns, sk, 0, 0);
}

static __always_inline struct conn *found_or_made(struct sock *sk)
{
	struct conn fresh = {};
	__u64 at = (__u64)sk;

	if (!by_address)
		return bpf_sk_storage_get(&conns, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	bpf_map_update_elem(&conns_at, &at, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&conns_at, &at);
}

/* Nobody is named twice on one processor within 64 ns. */
static __always_inline __u64 name_at(__u64 at)
{
	__u64 *known = bpf_map_lookup_elem(&names_at, &at);
	__u64 name;

	if (known)
		return *known;
	name = bpf_ktime_get_boot_ns() >> 6 << 10 | (bpf_get_smp_processor_id() & 1023);
	bpf_map_update_elem(&names_at, &at, &name, BPF_NOEXIST);
	known = bpf_map_lookup_elem(&names_at, &at);
	if (known)
		return *known;
	LOST(map_full);
	return at;
}

static __always_inline __u64 cookie_of(struct sock *sk)
{
	return by_address ? name_at((__u64)sk) : bpf_get_socket_cookie(sk);
}

/* The same in a program of the root cgroup. */
static __always_inline __u64 cookie_of_call(struct bpf_sock_addr *ctx)
{
	return by_address ? name_at((__u64)ctx->sk) : bpf_get_socket_cookie(ctx);
}

static __always_inline struct tcp_sock *as_tcp(struct sock *sk)
{
	if (!by_address)
		return bpf_skc_to_tcp_sock(sk);
	switch (READ(sk, __sk_common.skc_state)) {
	case TCP_TIME_WAIT:
	case TCP_NEW_SYN_RECV:
		return NULL; /* smaller than a socket */
	}
	return READ(sk, sk_protocol) == IPPROTO_TCP ? (struct tcp_sock *)sk : NULL;
}

static __always_inline struct unix_sock *as_unix(struct sock *sk)
{
	if (!by_address)
		return bpf_skc_to_unix_sock(sk);
	return READ(sk, __sk_common.skc_family) == AF_UNIX ? (struct unix_sock *)sk : NULL;
}

/* The socket that a file is, if it is one. */
static __always_inline struct sock *sock_of(struct file *file)
{
	struct socket *socket;
	struct inode *inode;

	if (!by_address) {
		socket = bpf_sock_from_file(file);
	} else {
		inode = file->f_inode;
		if (!inode || (inode->i_mode & S_IFMT) != S_IFSOCK)
			return NULL;
		socket = file->private_data; /* none if it was opened as a path only */
	}
	return socket ? READ(socket, sk) : NULL;
}

static __always_inline struct task_struct *current(void)
{
	return by_address ? (struct task_struct *)bpf_get_current_task() : bpf_get_current_task_btf();
}

static __always_inline void uncount(struct conn *c)
{
	if (!(c->flags & FLAG_COUNTED))
		return;
	c->flags &= ~FLAG_COUNTED;
	__sync_fetch_and_add(&tracked, -1);
}

/* Its address may be another's from now on. */
static __always_inline void forget(__u64 at)
{
	struct conn *c = bpf_map_lookup_elem(&conns_at, &at);

	if (c)
		uncount(c);
	bpf_map_delete_elem(&conns_at, &at);
	bpf_map_delete_elem(&names_at, &at);
}

/* Of every socket, right before its memory is freed. */
SEC("fentry/security_sk_free")
int freed(unsigned long long *ctx)
{
	forget(ctx[0]);
	return 0;
}

/* The same where functions have no fentry (arm64 before 6.0). */
SEC("kprobe/security_sk_free")
int freed_by_probe(void *ctx)
{
	forget(FIRST(ctx));
	return 0;
}

/* Loaded once, to see whether a kernel takes what is used where by_address is
 * not set. It is never attached. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(keeps_at_socket, struct sock *sk)
{
	struct unix_sock *u = bpf_skc_to_unix_sock(sk);

	if (u && bpf_sk_storage_get(&conns, sk, 0, 0))
		return bpf_get_socket_cookie(sk) + bpf_get_current_task_btf()->tgid;
	return 0;
}

#endif
