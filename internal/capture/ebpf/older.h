/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Messages on kernels before 6.3, which have no tracepoint for them: the exits
 * of the functions themselves. recvmsg had a parameter more until 5.18; of each
 * pair the one is loaded that fits (by the number of parameters in BTF).
 */
#ifndef PEERSCOPE_OLDER_H
#define PEERSCOPE_OLDER_H

#include "message.h"

#define ARG(type, n) ((type)ctx[n])

/* Each function is of one kind of socket, so its program deals with that only. */
static __always_inline void of_udp(struct sock *sk, int result, bool sent)
{
	if (result < 0)
		forget_address();
	else if (observed(sk))
		udp_message(sk, result, sent);
}

static __always_inline void of_unix(struct sock *sk, int type, int result, bool sent)
{
	if (sk->sk_type != type)
		return;
	if (result < 0)
		forget_address();
	else if (result > 0 && observed(sk))
		unix_message(sk, result, sent);
}

#define EXIT(program, function)                                               \
	SEC("fexit/" #function)                                               \
	int program(unsigned long long *ctx)

EXIT(sent_tcp_sendmsg, tcp_sendmsg)
{
	touched(ARG(struct sock *, 0), ARG(int, 3), 0);
	return 0;
}

EXIT(sent_mptcp_sendmsg, mptcp_sendmsg)
{
	touched_message(ARG(struct sock *, 0));
	return 0;
}

EXIT(sent_udp_sendmsg, udp_sendmsg)
{
	struct sock *sk = ARG(struct sock *, 0);

	/* One of IPv6 that sends to an IPv4 address comes through here on its way. */
	if (sk->__sk_common.skc_family == AF_INET)
		of_udp(sk, ARG(int, 3), true);
	return 0;
}

EXIT(sent_udpv6_sendmsg, udpv6_sendmsg)
{
	of_udp(ARG(struct sock *, 0), ARG(int, 3), true);
	return 0;
}

/* (sk, msg, len, flags, addr_len) and (sk, msg, len, nonblock, flags, addr_len) */
#define RECEIVED(function, act)                                               \
	EXIT(received_##function, function)                                   \
	{                                                                     \
		if (!(ARG(int, 3) & (MSG_PEEK | MSG_ERRQUEUE)))               \
			act(ARG(struct sock *, 0), ARG(int, 5));              \
		return 0;                                                     \
	}                                                                     \
	EXIT(received6_##function, function)                                  \
	{                                                                     \
		if (!(ARG(int, 4) & (MSG_PEEK | MSG_ERRQUEUE)))               \
			act(ARG(struct sock *, 0), ARG(int, 6));              \
		return 0;                                                     \
	}

#define TCP(sk, read) touched(sk, 0, read)
#define MPTCP(sk, read) touched_message(sk)
#define UDP(sk, read) of_udp(sk, read, false)

RECEIVED(tcp_recvmsg, TCP)
RECEIVED(mptcp_recvmsg, MPTCP)
RECEIVED(udp_recvmsg, UDP)
RECEIVED(udpv6_recvmsg, UDP)

/* (sock, msg, len) and (sock, msg, size, flags), of a struct socket. Those of
 * seqpacket may or may not go through those of dgram, as the compiler likes. */
#define UNIX(kind, type)                                                       \
	EXIT(sent_unix_##kind##_sendmsg, unix_##kind##_sendmsg)               \
	{                                                                     \
		of_unix(ARG(struct socket *, 0)->sk, type, ARG(int, 3), true); \
		return 0;                                                     \
	}                                                                     \
	EXIT(received_unix_##kind##_recvmsg, unix_##kind##_recvmsg)           \
	{                                                                     \
		if (!(ARG(int, 3) & MSG_PEEK))                                \
			of_unix(ARG(struct socket *, 0)->sk, type, ARG(int, 4), false); \
		return 0;                                                     \
	}

UNIX(stream, SOCK_STREAM)
UNIX(dgram, SOCK_DGRAM)
UNIX(seqpacket, SOCK_SEQPACKET)

/* The name that a datagram is sent to, where programs of a cgroup are not told
 * (before 6.7). */
SEC("fentry/unix_dgram_sendmsg")
int named_datagram(unsigned long long *ctx)
{
	struct sock *sk = ARG(struct socket *, 0)->sk;
	struct msghdr *msg = ARG(struct msghdr *, 1);

	if (msg->msg_name && observed(sk))
		remember_name(cookie_of(sk), msg->msg_name, msg->msg_namelen);
	return 0;
}

/* Who accepted: (sk, flags, err, kern) until 6.9. */
EXIT(accepted, inet_csk_accept)
{
	struct sock *sk = ARG(struct sock *, 4);

	if (sk && sk->sk_protocol == IPPROTO_TCP)
		touched(sk, -1, -1);
	return 0;
}

#endif
