// Package history keeps windows on disk and answers by time: who talked to whom
// between then and then, how much an edge carried over a day, what happened.
//
// A store is a folder. Windows are appended to files as they come and, merged,
// to files of one minute, ten minutes and one hour, so that a long range is read
// from few windows and its boundaries from fine ones. Each file stands by itself;
// the oldest are removed as a whole. docs/HISTORY.md has the format and what is
// guaranteed.
package history
