// Package recording writes observations to a stream and reads them back, so
// that a map can be made again from what was seen, on any machine, without
// root.
//
// The format is JSON Lines. The first line is a header, every other line one
// observation with a word for its type:
//
//	{"format":"peerscope.recording","version":1,"created":"2026-01-02T03:04:05Z","tool":"peerscope 1.0"}
//	{"t":"window","o":{"start":1767323045000000000}}
//	{"t":"socket","o":{"time":1767323045000000000,"cookie":7,...}}
//
// The whole stream may be compressed with zstd; a reader sees that by itself.
// A recording holds no payload. Its command lines are those of flow.Process,
// which are redacted before they get here; the package does not look at them.
//
// Within a version, types and fields may be added: a reader skips and counts
// the types it does not know, and ignores fields it does not know. The same
// observations give the same bytes.
package recording
