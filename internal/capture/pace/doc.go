// Package pace keeps the time of an observation: a clock that never jumps for
// what is observed, and the windows of the wall clock that it is told in. It
// tells nothing by itself and serves one goroutine.
package pace
