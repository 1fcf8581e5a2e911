/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* TCP: what happens to a connection, and what its socket says of it. */
#ifndef PEERSCOPE_TCP_H
#define PEERSCOPE_TCP_H

#include "process.h"

static __always_inline bool inet(struct sock *sk)
{
	__u16 family = READ(sk, __sk_common.skc_family);

	return family == AF_INET || family == AF_INET6;
}

/* observed: the socket is in a namespace that is looked at. */
static __always_inline bool observed(struct sock *sk)
{
	if (!only_some)
		return true;
	struct net *net = READ(sk, __sk_common.skc_net.net);
	__u32 inode = READ(net, ns.inum);

	return bpf_map_lookup_elem(&namespaces, &inode);
}

static __always_inline void mapped(__u8 *to, __be32 v4)
{
	__builtin_memset(to, 0, 16);
	to[10] = 0xff;
	to[11] = 0xff;
	__builtin_memcpy(to + 12, &v4, 4);
}

static __always_inline void fill_addresses(struct tcp_record *r, struct sock *sk)
{
	if (READ(sk, __sk_common.skc_family) == AF_INET6) {
		bpf_core_read(r->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(r->peer, 16, &sk->__sk_common.skc_v6_daddr);
	} else {
		mapped(r->local, READ(sk, __sk_common.skc_rcv_saddr));
		mapped(r->peer, READ(sk, __sk_common.skc_daddr));
	}
	r->local_port = READ(sk, __sk_common.skc_num);
	r->peer_port = bpf_ntohs(READ(sk, __sk_common.skc_dport));
	r->scope = READ(sk, __sk_common.skc_bound_dev_if);
}

static __always_inline void fill_namespace(__u64 *cookie, __u32 *inode, struct sock *sk)
{
	struct net *net = READ(sk, __sk_common.skc_net.net);

	*inode = READ(net, ns.inum);
	*cookie = 0;
	if (net_cookie)
		*cookie = READ(net, net_cookie);
}

static __always_inline bool flagged(struct sock *sk, int bit)
{
	return READ(sk, __sk_common.skc_flags) & (1UL << bit);
}

static __always_inline bool multipath(struct tcp_sock *tp)
{
	return bpf_core_field_exists(tp->is_mptcp) && READ(tp, is_mptcp);
}

/* ephemeral: bind() did not ask for the port, so the kernel chose it. */
static __always_inline bool ephemeral(const struct sock *sk)
{
	return !(READ_BITS(sk, sk_userlocks) & SOCK_BINDPORT_LOCK);
}

/* What the socket itself says. */
static __always_inline void fill_tcp(struct tcp_record *r, struct sock *sk, struct tcp_sock *tp, int state)
{
	__u32 una = READ(tp, snd_una), end = READ(tp, write_seq);

	r->state = state;
	r->transport = IPPROTO_TCP;
	fill_namespace(&r->netns, &r->netns_inode, sk);
	fill_addresses(r, sk);
	if (!r->local_port)
		r->local_port = bpf_ntohs(READ(tp, inet_conn.icsk_inet.inet_sport));
	r->bytes_sent = READ(tp, bytes_sent);
	r->bytes_retrans = READ(tp, bytes_retrans);
	r->bytes_acked = READ(tp, bytes_acked);
	r->bytes_received = READ(tp, bytes_received);
	r->unacked = READ(tp, packets_out);
	r->not_sent = end - READ(tp, snd_nxt);
	r->retransmits = READ(tp, total_retrans);
	r->rtt_us = READ(tp, srtt_us) >> 3;
	if (flagged(sk, SOCK_DONE))
		r->flags |= FLAG_FIN_RECEIVED;
	if (READ_BITS(sk, __sk_common.skc_ipv6only))
		r->flags |= FLAG_V6ONLY;
	if (multipath(tp))
		r->flags |= FLAG_MPTCP;
	else if (READ_BITS(sk, sk_kern_sock))
		r->flags |= FLAG_KERNEL;
	switch (state) {
	case TCP_FIN_WAIT1:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		if (una != end)
			break;
		/* fallthrough */
	case TCP_FIN_WAIT2:
	case TCP_TIME_WAIT:
		r->flags |= FLAG_FIN_ACKED;
	}
}

/* Of an MPTCP subflow the owner is the message socket's, once that was used. */
static __always_inline struct message_owner *message_owner_of(struct tcp_sock *tp)
{
	struct mptcp_subflow_context *subflow = READ(tp, inet_conn.icsk_ulp_data);
	__u64 message = 0;

	if (subflow && bpf_core_field_exists(subflow->conn))
		message = (__u64)BPF_CORE_READ(subflow, conn);
	return bpf_map_lookup_elem(&message_owners, &message);
}

static __always_inline void fill_message_owner(struct tcp_record *r, struct tcp_sock *tp, __u64 opened)
{
	struct message_owner *o = message_owner_of(tp);

	/* An older entry is of an earlier socket at the same address. */
	if (!o || o->at < opened)
		return;
	r->owner = o->pid;
	r->owner_start = o->start;
}

/* What was kept of it. */
static __always_inline void fill_conn(struct tcp_record *r, struct tcp_sock *tp, struct conn *c)
{
	r->flags |= c->flags & ~FLAG_COUNTED;
	r->met = c->look;
	if (c->told)
		r->flags |= FLAG_TOLD;
	r->generation = c->generation;
	r->opened = c->opened;
	r->send_base = c->send_base;
	r->recv_base = c->recv_base;
	r->connect_us = c->connect_us;
	r->owner = c->owner;
	r->owner_start = c->owner_start;
	if (r->flags & FLAG_MPTCP)
		fill_message_owner(r, tp, c->opened);
}

static __always_inline void clear_conn(struct tcp_record *r)
{
	r->generation = 0;
	r->opened = 0;
	r->send_base = 0;
	r->recv_base = 0;
	r->connect_us = 0;
	r->owner = 0;
	r->owner_start = 0;
	r->met = 0;
}

/* The numbers that the first bytes of both directions have. */
static __always_inline __u32 send_base(struct tcp_sock *tp)
{
	return READ(tp, snd_una) - (__u32)READ(tp, bytes_acked);
}

static __always_inline __u32 recv_base(struct tcp_sock *tp)
{
	return READ(tp, rcv_nxt) - (__u32)READ(tp, bytes_received);
}

/* Of a connection that found no room: what can still be told. The bases stay
 * what they are to the end. */
static __always_inline void fill_untracked(struct tcp_record *r, struct tcp_sock *tp, int state)
{
	r->flags |= FLAG_UNTRACKED;
	if (state == TCP_SYN_SENT) {
		r->flags |= FLAG_CALLED;
	} else if (state != TCP_LISTEN) {
		r->send_base = send_base(tp);
		r->recv_base = recv_base(tp);
		r->flags |= FLAG_ESTABLISHED | FLAG_SEQUENCE;
	}
}

static __always_inline void take_sequence(struct conn *c, struct tcp_sock *tp)
{
	c->send_base = send_base(tp);
	c->recv_base = recv_base(tp);
	c->flags |= FLAG_SEQUENCE;
}

/* keep finds the record of a socket, making it if there is room. */
static __always_inline struct conn *keep(struct sock *sk)
{
	struct conn *c = found(sk);

	if (c)
		return c;
	if (tracked < max_tracked)
		c = found_or_made(sk);
	if (!c) {
		LOST(map_full);
		untracked++;
	}
	return c;
}

static __always_inline void count(struct conn *c)
{
	if (c->flags & FLAG_COUNTED)
		return;
	c->flags |= FLAG_COUNTED;
	__sync_fetch_and_add(&tracked, 1);
}

static __always_inline void use(struct conn *c, struct who *w, __u64 at)
{
	c->owner = w->pid;
	c->owner_start = w->start;
	c->flags |= FLAG_USED;
	introduce(at);
}

/* report tells a connection as it is now. */
static __always_inline void report(struct sock *sk, struct tcp_sock *tp, struct conn *c, int kind, int state,
				    __u32 flags, __u64 at)
{
	struct tcp_record *r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);

	if (!r) {
		LOST(ring_full);
		return;
	}
	r->kind = kind;
	r->flags = flags;
	r->time = at;
	r->cookie = cookie_of(sk);
	r->error = 0;
	r->holder = 0;
	r->holder_start = 0;
	fill_tcp(r, sk, tp, state);
	if (c) {
		fill_conn(r, tp, c);
	} else {
		clear_conn(r);
		fill_untracked(r, tp, state);
	}
	if (flags & FLAG_FINAL)
		r->error = sk->sk_err;
	if (kind == RECORD_LISTENER) {
		r->unacked = sk->sk_ack_backlog;
		r->not_sent = sk->sk_max_ack_backlog;
	}
	bpf_ringbuf_submit(r, wake());
}

static __always_inline void on_connect(struct sock *sk, __u64 at)
{
	struct conn *c = keep(sk);
	struct who w;

	if (!c)
		return;
	/* A socket is not a connection: tried again, it carries the next one. */
	if (c->flags & (FLAG_CALLED | FLAG_ANSWERED | FLAG_ESTABLISHED | FLAG_FINAL))
		c->generation++;
	c->flags = (c->flags & FLAG_COUNTED) | FLAG_CALLED;
	count(c);
	c->opened = at;
	c->connect_us = 0;
	c->owner = 0;
	c->handovers = 0;
	c->look = 0;
	c->told = 0;
	if (current_process(&w))
		use(c, &w, at);
}

static __always_inline void on_established(struct sock *sk, struct tcp_sock *tp, int old, __u64 at)
{
	struct conn *c = old == TCP_SYN_SENT ? found(sk) : keep(sk);

	if (!c)
		return;
	if (!(c->flags & FLAG_CALLED)) {
		if (c->flags & FLAG_FINAL)
			c->generation++;
		c->flags = (c->flags & FLAG_COUNTED) | FLAG_ANSWERED;
		c->look = 0;
		c->told = 0;
		c->opened = at;
		count(c);
	} else if (c->opened) {
		c->connect_us = (at - c->opened) / 1000;
	}
	/* What was pending when the observation began is opened in it. */
	c->flags = (c->flags & ~FLAG_ADOPTED) | FLAG_ESTABLISHED;
	take_sequence(c, tp);
}

/* While a process has the socket locked, what happens to it is its doing: it
 * shuts down or closes. Else it is a packet's or a timer's. */
static __always_inline bool by_process(struct sock *sk)
{
	return sk->sk_lock.owned;
}

static __always_inline void used(struct conn *c, struct sock *sk)
{
	struct who w;

	if (c && !c->owner && by_process(sk) && current_process(&w))
		use(c, &w, now());
}

static __always_inline void on_close(struct sock *sk, struct tcp_sock *tp, int old)
{
	struct conn *c = found(sk);
	__u32 flags = FLAG_FINAL;

	if (!c && !untracked)
		return; /* what was left of a connection that was over before */
	if (old == TCP_SYN_RECV && !(c && c->flags & FLAG_CALLED))
		return; /* never complete */
	if (!sk->sk_socket && !flagged(sk, SOCK_DEAD))
		flags |= FLAG_UNACCEPTED;
	else
		used(c, sk);
	report(sk, tp, c, RECORD_TCP, old, flags, now());
	if (c) {
		c->flags |= FLAG_FINAL;
		uncount(c);
	}
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state, struct sock *sk, int old, int state)
{
	struct tcp_sock *tp;

	switch (state) {
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		if (sk->sk_protocol == IPPROTO_TCP)
			used(found(sk), sk);
		return 0;
	case TCP_SYN_SENT:
	case TCP_ESTABLISHED:
	case TCP_CLOSE:
	case TCP_LISTEN:
		break;
	default:
		return 0;
	}
	if (sk->sk_protocol != IPPROTO_TCP || !observed(sk))
		return 0;
	if (state == TCP_SYN_SENT) {
		on_connect(sk, now());
		return 0;
	}
	tp = as_tcp(sk);
	if (!tp)
		return 0;
	if (state == TCP_ESTABLISHED) {
		on_established(sk, tp, old, now());
	} else if (state == TCP_LISTEN) {
		struct conn c = {};
		struct who w;

		if (!current_process(&w))
			return 0;
		use(&c, &w, now());
		report(sk, tp, &c, RECORD_LISTENER, state, 0, now());
	} else if (old == TCP_LISTEN) {
		report(sk, tp, NULL, RECORD_LISTENER, old, FLAG_FINAL, now());
	} else {
		on_close(sk, tp, old);
	}
	return 0;
}

/*
 * handed tells what a socket had counted when another process took it over.
 * moved is what that process has just sent (positive) or read: what the
 * application had queued and read before is in write_seq and copied_seq.
 */
static __noinline int handed(struct sock *sk, struct conn *c, __u32 sent, __u32 read)
{
	struct tcp_sock *tp = as_tcp(sk);
	struct tcp_record *r;
	struct who w;

	if (!tp || !c || !current_process(&w))
		return 0;
	r = bpf_ringbuf_reserve(&events, sizeof(*r), 0);
	if (!r) {
		LOST(ring_full);
		return 0;
	}
	__u64 at = now();

	r->kind = RECORD_HANDOVER;
	r->flags = 0;
	r->time = at;
	r->cookie = cookie_of(sk);
	r->error = 0;
	fill_tcp(r, sk, tp, sk->__sk_common.skc_state);
	r->bytes_acked += (__u64)(__u32)(READ(tp, write_seq) - READ(tp, snd_una)) - sent;
	r->bytes_received -= (__u64)(__u32)(READ(tp, rcv_nxt) - READ(tp, copied_seq)) + read;
	fill_conn(r, tp, c);
	r->owner = c->owner;
	r->owner_start = c->owner_start;
	r->holder = w.pid;
	r->holder_start = w.start;
	bpf_ringbuf_submit(r, wake());
	return 0;
}

/* late_owner tells who used a connection that was over before anybody did. */
static __noinline int late_owner(struct sock *sk, struct conn *c)
{
	struct tcp_sock *tp = as_tcp(sk);

	if (tp && c)
		report(sk, tp, c, RECORD_HOLDER, sk->__sk_common.skc_state, FLAG_FINAL, now());
	return 0;
}

/* touched: a process sent on or read from a TCP socket. */
static __always_inline void touched(struct sock *sk, int sent, int read)
{
	struct conn *c = found(sk);
	struct who w;

	if (c && c->owner == bpf_get_current_pid_tgid() >> 32)
		return;
	if (!current_process(&w) || !observed(sk))
		return;
	if (!c) {
		/* It is older than the observation and no look has met it. */
		if (untracked)
			return;
		c = found_or_made(sk);
		if (!c)
			return;
		c->flags = FLAG_ADOPTED | FLAG_ESTABLISHED;
	}
	if (!c->owner) {
		use(c, &w, now());
		if (c->flags & FLAG_FINAL)
			late_owner(sk, c);
		return;
	}
	if (sent < 0 || read < 0)
		return;
	if (!(c->flags & FLAG_FINAL) && c->handovers < 64) {
		c->handovers++;
		handed(sk, c, sent, read);
	}
	use(c, &w, now());
}

/* touched_message: the same of an MPTCP socket. */
static __always_inline void touched_message(struct sock *sk)
{
	__u64 message = (__u64)sk;
	struct message_owner *o = bpf_map_lookup_elem(&message_owners, &message);
	__u64 at = now();
	struct who w;

	if (!current_process(&w) || !observed(sk))
		return;
	if (o && o->pid == w.pid) {
		o->at = at;
		return;
	}
	struct message_owner owner = {.at = at, .start = w.start, .pid = w.pid};

	bpf_map_update_elem(&message_owners, &message, &owner, BPF_ANY);
	introduce(at);
}

/* Also on splice, which is no message (since 4.18). */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(space_adjust, struct sock *sk)
{
	struct conn *c = found(sk);

	if (!c || c->owner)
		return 0;
	touched(sk, 0, 0);
	return 0;
}

#endif
