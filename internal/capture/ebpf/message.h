/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Messages: who used a TCP socket, and what went between sockets that the
 * kernel keeps no counters of (UDP, unix). Summed up here, never told one by one.
 */
#ifndef PEERSCOPE_MESSAGE_H
#define PEERSCOPE_MESSAGE_H

#include "tcp.h"

/* The address that a datagram of this thread was sent to or came from, if its
 * system call named one. */
static __always_inline struct address *named(struct sock *sk, __u64 cookie, __u64 *thread)
{
	struct address *a;

	*thread = bpf_get_current_pid_tgid();
	a = bpf_map_lookup_elem(&addresses, thread);
	return a && a->cookie == cookie ? a : NULL;
}

static __always_inline void start_flow(struct flow_value *v, struct sock *sk, __u64 at, bool sent)
{
	struct who w;

	if (current_process(&w)) {
		v->owner = w.pid;
		v->owner_start = w.start;
		introduce(at);
	}
	v->first = at;
	v->first_received = !sent;
	v->scope = sk->__sk_common.skc_bound_dev_if;
	v->local_port = sk->__sk_common.skc_num;
	v->kernel = READ_BITS(sk, sk_kern_sock);
	v->ephemeral = ephemeral(sk);
	fill_namespace(&v->netns, &v->netns_inode, sk);
	if (sk->__sk_common.skc_family == AF_INET6)
		bpf_core_read(v->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	else if (sk->__sk_common.skc_family == AF_INET)
		mapped(v->local, sk->__sk_common.skc_rcv_saddr);
}

static __always_inline void add_message(struct flow_value *v, int bytes, bool sent, __u64 at)
{
	if (sent) {
		__sync_fetch_and_add(&v->bytes_sent, bytes);
		__sync_fetch_and_add(&v->sent, 1);
	} else {
		__sync_fetch_and_add(&v->bytes_received, bytes);
		__sync_fetch_and_add(&v->received, 1);
	}
	v->last = at;
}

/* The process a message counts for. A pid that is used again while its flow is
 * in the map stays with the earlier process. */
static __always_inline __u32 sender(void)
{
	struct task_struct *t = current();

	return is_kernel_thread(t) ? 0 : READ(t, tgid);
}

static __always_inline void udp_message(struct sock *sk, int bytes, bool sent)
{
	struct flow_key key = {};
	struct flow_value *v;
	__u64 thread, at = now();
	__u32 zero = 0;
	void *flows;
	struct scratch *s;
	struct address *a;

	key.cookie = cookie_of(sk);
	key.transport = IPPROTO_UDP;
	key.owner = sender();
	a = named(sk, key.cookie, &thread);
	if (a) {
		__builtin_memcpy(key.peer, a->peer, 16);
		key.peer_port = a->port;
		bpf_map_delete_elem(&addresses, &thread);
	} else if (sk->__sk_common.skc_dport) {
		if (sk->__sk_common.skc_family == AF_INET6)
			bpf_core_read(key.peer, 16, &sk->__sk_common.skc_v6_daddr);
		else
			mapped(key.peer, sk->__sk_common.skc_daddr);
		key.peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	}
	flows = bpf_map_lookup_elem(&udp, &zero);
	if (!flows)
		return;
	v = bpf_map_lookup_elem(flows, &key);
	if (!v) {
		s = room();
		if (!s)
			return;
		v = &s->unix_.flow;
		__builtin_memset(v, 0, sizeof(*v));
		start_flow(v, sk, at, sent);
		v->connected = sk->__sk_common.skc_dport != 0;
		bpf_map_update_elem(flows, &key, v, BPF_NOEXIST);
		v = bpf_map_lookup_elem(flows, &key);
		if (!v) {
			LOST(flows_full);
			return;
		}
	}
	add_message(v, bytes, sent, at);
}

/* fill_path copies a unix address without its family. */
static __always_inline __u16 fill_path(__u8 *to, struct unix_sock *u)
{
	struct unix_address *addr = READ(u, addr);
	__u32 len;

	if (!addr)
		return 0;
	len = READ(addr, len);
	if (len <= 2)
		return 0;
	len -= 2; /* the family */
	if (len > UNIX_PATH)
		len = UNIX_PATH;
	barrier_var(len);
	bpf_probe_read_kernel(to, len & 127, &addr->name[0].sun_path);
	return len;
}

static __always_inline __u64 path_hash(const __u8 *path)
{
	__u64 h = 0xcbf29ce484222325;

	for (int i = 0; i < UNIX_PATH; i++)
		h = (h ^ path[i]) * 0x100000001b3;
	return h;
}

static __always_inline void unix_message(struct sock *sk, int bytes, bool sent)
{
	struct unix_sock *u = as_unix(sk);
	struct flow_key key = {};
	struct unix_value *v;
	struct address *a = NULL;
	__u64 thread, at = now();
	__u32 zero = 0;
	struct scratch *s;
	struct sock *peer;
	void *flows;

	if (!u)
		return;
	key.cookie = cookie_of(sk);
	key.transport = AF_UNIX;
	key.owner = sender();
	peer = READ(u, peer);
	if (sent && sk->sk_type == SOCK_DGRAM)
		a = named(sk, key.cookie, &thread);
	if (a) {
		*(__u64 *)key.peer = path_hash(a->path);
		key.peer_port = 1;
	} else if (peer) {
		*(__u64 *)key.peer = cookie_of(peer);
	}
	flows = bpf_map_lookup_elem(&unix_, &zero);
	if (!flows)
		return;
	v = bpf_map_lookup_elem(flows, &key);
	if (!v) {
		s = room();
		if (!s)
			return;
		v = &s->unix_;
		__builtin_memset(v, 0, sizeof(*v));
		start_flow(&v->flow, sk, at, sent);
		v->flow.connected = peer != NULL;
		v->type = sk->sk_type;
		v->path_len = fill_path(v->path, u);
		if (a) {
			v->peer_path_len = a->path_len;
			__builtin_memcpy(v->peer_path, a->path, UNIX_PATH);
		} else if (peer) {
			struct unix_sock *pu = as_unix(peer);

			if (pu)
				v->peer_path_len = fill_path(v->peer_path, pu);
		}
		bpf_map_update_elem(flows, &key, v, BPF_NOEXIST);
		v = bpf_map_lookup_elem(flows, &key);
		if (!v) {
			LOST(flows_full);
			return;
		}
	}
	if (a)
		bpf_map_delete_elem(&addresses, &thread);
	add_message(&v->flow, bytes, sent, at);
}

/* forget: a call that named an address failed, and no message went. */
static __always_inline void forget_address(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&addresses, &thread);
}

static __always_inline void message(struct sock *sk, int result, bool sent)
{
	__u16 family = sk->__sk_common.skc_family, protocol = sk->sk_protocol;

	if (family == AF_INET || family == AF_INET6) {
		if (protocol == IPPROTO_TCP)
			touched(sk, sent ? result : 0, sent ? 0 : result);
		else if (protocol == IPPROTO_MPTCP)
			touched_message(sk);
		else if (protocol == IPPROTO_UDP && result < 0)
			forget_address();
		else if (protocol == IPPROTO_UDP && observed(sk))
			udp_message(sk, result, sent);
	} else if (family == AF_UNIX) {
		if (result < 0)
			forget_address();
		else if (result > 0 && observed(sk))
			unix_message(sk, result, sent);
	}
}

/* Of every sock_sendmsg and sock_recvmsg, whatever asked for it (since 6.3). */
SEC("tp_btf/sock_send_length")
int BPF_PROG(send_length, struct sock *sk, int result, int flags)
{
	message(sk, result, true);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(recv_length, struct sock *sk, int result, int flags)
{
	if (!(flags & (MSG_PEEK | MSG_ERRQUEUE)))
		message(sk, result, false);
	return 0;
}

/*
 * The address of a datagram, where the socket is not connected. Receiving tells
 * it only to a caller that asks for it. Root cgroup: nothing is refused.
 */
static __always_inline int remember(struct bpf_sock_addr *ctx, bool v6)
{
	struct address a = {};
	__u64 thread = bpf_get_current_pid_tgid();

	if (!ctx->sk)
		return 1;
	a.cookie = cookie_of_call(ctx);
	a.port = bpf_ntohs(ctx->user_port);
	if (v6) {
		__u32 *to = (__u32 *)a.peer;

		to[0] = ctx->user_ip6[0];
		to[1] = ctx->user_ip6[1];
		to[2] = ctx->user_ip6[2];
		to[3] = ctx->user_ip6[3];
	} else {
		mapped(a.peer, ctx->user_ip4);
	}
	bpf_map_update_elem(&addresses, &thread, &a, BPF_ANY);
	return 1;
}

SEC("cgroup/sendmsg4")
int send_to4(struct bpf_sock_addr *ctx)
{
	return remember(ctx, false);
}

SEC("cgroup/sendmsg6")
int send_to6(struct bpf_sock_addr *ctx)
{
	return remember(ctx, true);
}

SEC("cgroup/recvmsg4")
int receive_from4(struct bpf_sock_addr *ctx)
{
	return remember(ctx, false);
}

SEC("cgroup/recvmsg6")
int receive_from6(struct bpf_sock_addr *ctx)
{
	return remember(ctx, true);
}

/* The name a unix datagram is sent to, with its family. */
static __always_inline void remember_name(__u64 cookie, const void *name, __u32 len)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct scratch *s = room();

	if (!s || len <= 2)
		return;
	len -= 2;
	__builtin_memset(&s->address, 0, sizeof(s->address));
	s->address.cookie = cookie;
	if (len > UNIX_PATH)
		len = UNIX_PATH;
	barrier_var(len);
	s->address.path_len = len;
	bpf_probe_read_kernel(s->address.path, len & 127, name + 2);
	bpf_map_update_elem(&addresses, &thread, &s->address, BPF_ANY);
}

extern void *bpf_cast_to_kern_ctx(void *obj) __ksym;

/* Since 6.7. */
SEC("cgroup/sendmsg_unix")
int send_to_unix(struct bpf_sock_addr *ctx)
{
	struct bpf_sock_addr_kern *k = bpf_cast_to_kern_ctx(ctx);

	remember_name(cookie_of_call(ctx), k->uaddr, k->uaddrlen);
	return 1;
}

#endif
