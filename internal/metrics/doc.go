// Package metrics adds maps up to counters that last, and offers them to
// Prometheus and by OTLP.
//
// An Accumulator takes every window once. Its series are edges between programs
// and not between processes, and their number is bounded: what has no series of
// its own is added to one whose ends are called "~other", so that the sum over
// all series is always the sum over all maps. Each connection is on one edge of
// the map, and each edge is in one series, with the map's own figures.
package metrics
