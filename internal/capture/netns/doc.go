// Package netns is the network namespaces of the host: which there are, what
// people call them, how to enter one, which addresses live in each, and what
// the kernel counted in it.
//
// A namespace is there as long as a process lives in it or a file names it.
// Whoever holds a socket or an open file of one keeps it alive, so nothing here
// holds one between two calls, but a namespace that was asked for and not
// entered yet.
package netns
