// Package netlink asks the Linux kernel, through its netlink sockets and /proc,
// which sockets exist, who holds them and when they die.
//
// It is the capture that needs no eBPF: sock_diag and unix_diag dumps for the
// sockets that are open, the destroy multicast for the last words of every
// inet socket however short its life, rtnetlink for the addresses that live in
// a namespace, the process connector for births and deaths of processes, and a
// walk of /proc/PID/fd for the holders.
//
// Every netlink socket sees the one network namespace of the thread that opened
// it, so connections are dialled inside (*netns.Handle).Do. Numbers from netlink
// are in the machine's byte order, but ports and addresses, which are as on the
// wire.
package netlink
