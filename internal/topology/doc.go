// Package topology adds attributed connections up to edges: who called whom in
// a window, with what figures and on what evidence.
//
// A Ledger takes the engine's changes and keeps what is open across windows;
// Map is one closed window, immutable, in the format that is printed. Merge and
// Group work on closed maps. The package is pure.
package topology
