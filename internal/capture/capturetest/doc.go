// Package capturetest is what the tests of captures share: network namespaces
// of their own, connections and processes in them, and messages that a real
// kernel once sent.
//
// It enters namespaces by its own code and not by that under test. Functions
// that take a callback run it on another goroutine, so it must not call methods
// of t that end the test.
package capturetest
