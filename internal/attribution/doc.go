// Package attribution decides which process is at each end of a connection,
// who called whom, and on what evidence.
//
// It is pure: observations go in, attributed changes come out when a window is
// closed. It does no I/O, reads no clock and starts no goroutine; one goroutine
// owns an Engine. The answer does not depend on the order of the observations
// of a window, nor on how often each was told: facts are merged by maximum,
// minimum and union, and every decision is taken when the window closes, from
// the facts alone.
//
// A connection is known by its halves: the sockets of its two ends. Each half
// is a fixed-size record without pointers (about 150 bytes with its share of
// the indexes), so that a million of them cost the garbage collector nothing.
package attribution
