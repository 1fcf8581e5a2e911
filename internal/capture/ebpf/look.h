/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Looks: everything that is there now. The first takes over what is older than
 * the observation, the last tells what is open at its end, those in between
 * mend what no event told (a socket that changed hands and was not used yet).
 * A look reads the files of all processes. What has no file is reached from its
 * listener, or in the namespace's own table.
 *
 * Where the reader's buffer is full, the kernel runs the program again for the
 * same file: nothing may be marked before it is written.
 */
#ifndef PEERSCOPE_LOOK_H
#define PEERSCOPE_LOOK_H

#include "message.h"

/* The sequence identity of a socket that nobody locks: read until two readings
 * of both pairs agree. */
static __always_inline bool steady_sequence(struct tcp_sock *tp, __u32 *send, __u32 *recv)
{
	for (int i = 0; i < 4; i++) {
		__u32 sent = send_base(tp), received = recv_base(tp);

		barrier(); /* read again, not taken for the same */
		if (sent == send_base(tp) && received == recv_base(tp)) {
			*send = sent;
			*recv = received;
			return true;
		}
	}
	LOST(late);
	return false;
}

/* take_over starts the record of a socket that is older than the observation. */
static __always_inline struct conn *take_over(struct sock *sk, struct tcp_sock *tp, int state)
{
	struct conn *c = keep(sk);

	if (!c)
		return NULL;
	c->flags |= FLAG_ADOPTED;
	if (state == TCP_SYN_SENT) {
		c->flags |= FLAG_CALLED;
	} else {
		c->flags |= FLAG_ESTABLISHED;
		if (steady_sequence(tp, &c->send_base, &c->recv_base))
			c->flags |= FLAG_SEQUENCE;
	}
	count(c);
	return c;
}

/* shared: another descriptor leads to the file, maybe another process's. (The
 * iterator itself holds it once.) */
static __always_inline bool shared(struct file *file)
{
	struct file___before *before = (void *)file;

	if (bpf_core_field_exists(file->f_ref))
		return file->f_ref.refcnt.counter > 1;
	return BPF_CORE_READ(before, f_count.counter) > 2;
}

/* One that was told so early may have been told without its other end: nothing
 * of it counts as told yet. */
#define YOUNG 500000000ULL

/* news stands for all that may change of an open connection: as long as it is
 * what was told, the connection need not be told again. */
static __always_inline __u64 news(struct tcp_sock *tp, struct conn *c, int state)
{
	__u64 sum = READ(tp, bytes_acked) * 0x9e3779b97f4a7c15ULL;

	sum += READ(tp, bytes_received) * 0xc2b2ae3d27d4eb4fULL;
	sum += READ(tp, total_retrans) * 0x165667b19e3779f9ULL;
	sum += (((__u64)c->owner << 32) | (__u32)state) * 0xd6e8feb86659fd93ULL;
	sum += (c->owner_start ^ c->flags) * 0xa0761d6478bd642fULL;
	return sum | 1;
}

/* known: nothing has changed of it since it was told, and it is older than the
 * window. */
static __always_inline bool known(struct tcp_sock *tp, struct conn *c, int state)
{
	return !adopting && !recount && c->told && c->opened < window && c->told == news(tp, c, state);
}

/* tell_tcp writes a connection as it is now. */
static __always_inline bool tell_tcp(struct seq_file *seq, struct sock *sk, struct tcp_sock *tp, struct conn *c, struct who *w,
				     int state, __u32 flags)
{
	struct scratch *s = room();
	struct tcp_record *r;

	if (!s)
		return false;
	r = &s->tcp;
	r->kind = RECORD_TCP;
	r->flags = flags;
	r->time = now();
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
		if (once || adopting)
			r->flags |= FLAG_ADOPTED;
		/* Nobody locks the socket. */
		if (state != TCP_SYN_SENT && !steady_sequence(tp, &r->send_base, &r->recv_base))
			r->flags &= ~FLAG_SEQUENCE;
		if (r->flags & FLAG_MPTCP)
			fill_message_owner(r, tp, 0);
	}
	if (w) {
		r->holder = w->pid;
		r->holder_start = w->start;
		if (!r->owner) {
			r->owner = w->pid;
			r->owner_start = w->start;
		} else if (c && !(flags & FLAG_SHARED) && r->owner != w->pid) {
			/* Its owner let go of it, and this one has it. */
			r->kind = RECORD_HANDOVER;
		}
	}
	if (bpf_seq_write(seq, r, sizeof(*r)))
		return false;
	if (c) {
		c->look = look;
		if (w && (!c->owner || r->kind == RECORD_HANDOVER)) {
			c->owner = w->pid;
			c->owner_start = w->start;
		}
		if (adopting || r->time - c->opened - (__u64)c->connect_us * 1000 > YOUNG)
			c->told = news(tp, c, state);
	}
	return true;
}

static __always_inline bool tell_held(struct seq_file *seq, struct sock *sk, struct who *w, int kind)
{
	struct scratch *s = room();
	struct tcp_record *r;

	if (!s)
		return false;
	r = &s->tcp;
	__builtin_memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->time = now();
	r->cookie = cookie_of(sk);
	r->state = READ(sk, __sk_common.skc_state);
	r->owner = w->pid;
	r->owner_start = w->start;
	fill_namespace(&r->netns, &r->netns_inode, sk);
	fill_addresses(r, sk);
	if (kind == RECORD_LISTENER) {
		r->transport = IPPROTO_TCP;
		r->unacked = READ(sk, sk_ack_backlog);
		r->not_sent = READ(sk, sk_max_ack_backlog);
	}
	if (kind == RECORD_UDP) {
		r->transport = IPPROTO_UDP;
		if (ephemeral(sk))
			r->flags |= FLAG_EPHEMERAL;
	}
	if (READ_BITS(sk, __sk_common.skc_ipv6only))
		r->flags |= FLAG_V6ONLY;
	return !bpf_seq_write(seq, r, sizeof(*r));
}

/* Complete connections that wait for accept have no file: they hang on their
 * listener. The first are found there, in which the verifier follows each step;
 * where there are more, all are found in the namespace's table. */
#define WAITING 16

static __always_inline void look_at_waiting(struct seq_file *seq, struct sock *listener, struct tcp_sock *tp)
{
	struct request_sock *req = READ(tp, inet_conn.icsk_accept_queue.rskq_accept_head);
	__u16 port = READ(listener, __sk_common.skc_num);

	if (READ(listener, sk_ack_backlog) > WAITING)
		deep = true;
	for (int i = 0; i < WAITING && req; i++) {
		struct sock *sk = READ(req, sk);
		struct tcp_sock *child;
		struct conn *c;
		int state;

		req = READ(req, dl_next);
		if (!sk)
			continue;
		state = READ(sk, __sk_common.skc_state);
		/* The queue is not locked: what was reached may be another's by now. */
		if (state == TCP_LISTEN || state == TCP_CLOSE || READ(sk, sk_socket) || READ(sk, __sk_common.skc_num) != port)
			continue;
		child = as_tcp(sk);
		if (!child)
			continue;
		c = found(sk);
		if (!c && !once)
			c = take_over(sk, child, state);
		tell_tcp(seq, sk, child, c, NULL, state, FLAG_UNACCEPTED);
	}
}

static __always_inline void look_at_tcp(struct seq_file *seq, struct sock *sk, struct task_struct *task, struct file *file)
{
	struct tcp_sock *tp = as_tcp(sk);
	int state = READ(sk, __sk_common.skc_state);
	struct who w = {.pid = task->tgid, .start = task->group_leader->start_boottime};
	struct conn *c;

	if (!tp)
		return;
	if (state == TCP_LISTEN) {
		tell_held(seq, sk, &w, RECORD_LISTENER);
		if (READ(sk, sk_ack_backlog))
			look_at_waiting(seq, sk, tp);
		return;
	}
	c = found(sk);
	if (state == TCP_CLOSE) {
		if (c && c->flags & FLAG_FINAL && !c->owner && tell_held(seq, sk, &w, RECORD_HOLDER)) {
			c->owner = w.pid;
			c->owner_start = w.start;
		}
		return;
	}
	if (!c && !once && (adopting || !untracked))
		c = take_over(sk, tp, state);
	if (c && c->look == look) {
		tell_held(seq, sk, &w, RECORD_HOLDER);
		return;
	}
	if (shared(file)) {
		tell_tcp(seq, sk, tp, c, &w, state, FLAG_SHARED);
	} else if (c && c->owner == w.pid && known(tp, c, state)) {
		c->look = look;
		unchanged++;
	} else {
		tell_tcp(seq, sk, tp, c, &w, state, 0);
	}
}

static __always_inline void look_at_unix(struct seq_file *seq, struct sock *sk, struct task_struct *task)
{
	struct unix_sock *u, *pu;
	struct scratch *s = room();
	struct unix_record *r;
	struct sock *peer;

	if (!s)
		return;
	u = as_unix(sk);
	if (!u)
		return;
	r = &s->unix_record;
	__builtin_memset(r, 0, sizeof(*r));
	r->kind = RECORD_UNIX;
	r->time = now();
	r->type = READ(sk, sk_type);
	r->state = READ(sk, __sk_common.skc_state);
	r->cookie = cookie_of(sk);
	fill_namespace(&r->netns, &r->netns_inode, sk);
	if (READ_BITS(sk, sk_kern_sock))
		r->flags |= FLAG_KERNEL;
	r->owner = task->tgid;
	r->owner_start = task->group_leader->start_boottime;
	r->path_len = fill_path(r->path, u);
	if (r->path_len) {
		r->file = BPF_CORE_READ(u, path.dentry, d_inode, i_ino);
		r->device = BPF_CORE_READ(u, path.dentry, d_inode, i_sb, s_dev);
	}
	if (r->state == TCP_LISTEN) {
		r->backlog = READ(sk, sk_ack_backlog);
		r->limit = READ(sk, sk_max_ack_backlog);
	}
	peer = READ(u, peer);
	if (peer) {
		r->peer = cookie_of(peer);
		r->peer_state = READ(peer, __sk_common.skc_state);
		if (!READ(peer, sk_socket) && !flagged(peer, SOCK_DEAD))
			r->flags |= FLAG_UNACCEPTED;
		pu = as_unix(peer);
		if (pu) {
			r->peer_path_len = fill_path(r->peer_path, pu);
			if (r->flags & FLAG_UNACCEPTED && bpf_core_field_exists(pu->listener) && pu->listener)
				r->listener = cookie_of(pu->listener);
		}
	}
	bpf_seq_write(seq, r, sizeof(*r));
}

/* The process that has an MPTCP socket, for its subflows. */
static __always_inline void look_at_message(struct sock *sk, struct task_struct *task)
{
	__u64 message = (__u64)sk;
	struct message_owner owner = {
		.at = now(),
		.start = task->group_leader->start_boottime,
		.pid = task->tgid,
	};

	bpf_map_update_elem(&message_owners, &message, &owner, BPF_NOEXIST);
}

SEC("iter/task_file")
int look_at_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct who w = {};
	struct sock *sk;
	__u16 protocol;

	if (!task || !file)
		return 0;
	sk = sock_of(file);
	if (!sk || !observed(sk))
		return 0;
	if (READ(sk, __sk_common.skc_family) == AF_UNIX) {
		look_at_unix(ctx->meta->seq, sk, task);
	} else if (inet(sk)) {
		protocol = READ(sk, sk_protocol);
		if (protocol == IPPROTO_MPTCP) {
			look_at_message(sk, task);
		} else if (protocol == IPPROTO_TCP) {
			look_at_tcp(ctx->meta->seq, sk, task, file);
		} else if (protocol == IPPROTO_UDP) {
			w.pid = task->tgid;
			w.start = task->group_leader->start_boottime;
			tell_held(ctx->meta->seq, sk, &w, RECORD_UDP);
		}
	}
	return 0;
}

/*
 * The sockets of one namespace that no file leads to: what a process has closed
 * and the kernel still ends, the subflows of MPTCP, by one of which an MPTCP
 * socket listens, and the rest of what waits for accept.
 */
SEC("iter/tcp")
int look_at_namespace(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct message_owner *o;
	struct who w = {};
	struct tcp_sock *tp;
	struct sock *sk;
	struct conn *c;
	__u32 flags = 0;
	int state;

	if (!skc)
		return 0;
	state = skc->skc_state;
	if (state == TCP_CLOSE)
		return 0;
	tp = as_tcp((struct sock *)skc);
	if (!tp)
		return 0;
	sk = (struct sock *)tp;
	if (state == TCP_LISTEN) {
		o = multipath(tp) ? message_owner_of(tp) : NULL;
		if (o) {
			w.pid = o->pid;
			w.start = o->start;
			tell_held(ctx->meta->seq, sk, &w, RECORD_LISTENER);
		}
		return 0;
	}
	c = found(sk);
	if (c && c->look == look)
		return 0;
	if (flagged(sk, SOCK_DEAD)) {
		if (!c)
			return 0; /* what is left of a connection that was over before */
	} else {
		if (!multipath(tp) && READ(sk, sk_socket) && !recount)
			return 0; /* a file leads to it */
		if (!c && !once && (!recount || !untracked))
			c = take_over(sk, tp, state);
		if (!READ(sk, sk_socket))
			flags = FLAG_UNACCEPTED;
	}
	if (c && known(tp, c, state)) {
		c->look = look;
		unchanged++;
		return 0;
	}
	tell_tcp(ctx->meta->seq, sk, tp, c, NULL, state, flags);
	return 0;
}

#endif
