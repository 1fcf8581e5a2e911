// Package identity says what a process is: its name, executable, command line,
// owner, cgroup, systemd unit and container, read from /proc, and what the
// container is called.
//
// Of a process that may be gone it makes the most of what the kernel told when
// the process was there (Sighting).
//
// It also reads the two things that are true of a whole run: the host
// (ReadHost) and what this program itself may see here (ReadSelf).
//
// A Reader starts no goroutine and keeps no cache of processes: who asks decides
// when to ask again. A Completer adds what container runtimes and Kubernetes
// know, and what is derived from it (Entities); it asks them from goroutines of
// its own, and keeps the processes of containers to tell them again.
//
// Secrets are removed from command lines and labels, and characters that could
// steer a terminal are written as escapes, before a text leaves the package.
package identity
