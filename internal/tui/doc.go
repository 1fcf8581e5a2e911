// Package tui is the live view of the map in a terminal: one row an edge, busiest
// first, with what it did in the last minute.
//
// The model is pure: messages go in, a frame of text comes out (update, frame).
// Only Run touches a terminal. Names come from processes that may be hostile;
// nothing of them reaches the terminal that does not print.
package tui
