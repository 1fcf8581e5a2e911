/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* What the socket of a TCP connection says of it, and what was kept of it. */
#ifndef PEERSCOPE_SOCKET_H
#define PEERSCOPE_SOCKET_H

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

#endif
