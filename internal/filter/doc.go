// Package filter is the one language in which people say which edges of a map
// they want: nginx to:port:5432 rtt>10ms. It reads an expression, prints it, and
// tells of an edge whether it matches. docs/FILTER.md is its cheat sheet.
package filter
