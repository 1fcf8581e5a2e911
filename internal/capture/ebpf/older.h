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

#define SENT(name)                                                            \
	SEC("fexit/" #name)                                                   \
	int sent_##name(unsigned long long *ctx)                              \
	{                                                                     \
		message(ARG(struct sock *, 0), ARG(int, 3), true);            \
		return 0;                                                     \
	}

/* (sk, msg, len, flags, addr_len) and (sk, msg, len, nonblock, flags, addr_len) */
#define RECEIVED(name)                                                        \
	SEC("fexit/" #name)                                                   \
	int received_##name(unsigned long long *ctx)                          \
	{                                                                     \
		if (!(ARG(int, 3) & MSG_PEEK))                                \
			message(ARG(struct sock *, 0), ARG(int, 5), false);   \
		return 0;                                                     \
	}                                                                     \
	SEC("fexit/" #name)                                                   \
	int received6_##name(unsigned long long *ctx)                         \
	{                                                                     \
		if (!(ARG(int, 4) & MSG_PEEK))                                \
			message(ARG(struct sock *, 0), ARG(int, 6), false);   \
		return 0;                                                     \
	}

SENT(tcp_sendmsg)
SENT(udp_sendmsg)
SENT(udpv6_sendmsg)
RECEIVED(tcp_recvmsg)
RECEIVED(udp_recvmsg)
RECEIVED(udpv6_recvmsg)

/* (sock, msg, len) and (sock, msg, size, flags), of a struct socket */
#define SENT_UNIX(name)                                                       \
	SEC("fexit/" #name)                                                   \
	int sent_##name(unsigned long long *ctx)                              \
	{                                                                     \
		message(ARG(struct socket *, 0)->sk, ARG(int, 3), true);      \
		return 0;                                                     \
	}

#define RECEIVED_UNIX(name)                                                   \
	SEC("fexit/" #name)                                                   \
	int received_##name(unsigned long long *ctx)                          \
	{                                                                     \
		if (!(ARG(int, 3) & MSG_PEEK))                                \
			message(ARG(struct socket *, 0)->sk, ARG(int, 4), false); \
		return 0;                                                     \
	}

SENT_UNIX(unix_stream_sendmsg)
SENT_UNIX(unix_dgram_sendmsg)
RECEIVED_UNIX(unix_stream_recvmsg)
RECEIVED_UNIX(unix_dgram_recvmsg)

/* Who accepted: (sk, flags, err, kern) until 6.9. */
SEC("fexit/inet_csk_accept")
int accepted(unsigned long long *ctx)
{
	struct sock *sk = ARG(struct sock *, 4);

	if (sk && sk->sk_protocol == IPPROTO_TCP)
		touched(sk, -1, -1);
	return 0;
}

#endif
