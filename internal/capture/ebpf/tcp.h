/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* TCP: what happens to a connection. */
#ifndef PEERSCOPE_TCP_H
#define PEERSCOPE_TCP_H

#include "socket.h"

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
