// Package nlsocket talks to the Linux kernel through netlink sockets: it dumps
// whole tables and takes multicast messages. It knows how messages are framed
// and nothing of what they say.
//
// Every netlink socket belongs for ever to the network namespace of the thread
// that dialled it, and keeps that namespace alive. Numbers of headers are in the
// machine's byte order.
package nlsocket
