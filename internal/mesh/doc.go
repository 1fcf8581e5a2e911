// Package mesh tells which processes are proxies and who got through them to whom.
//
// A proxy ends every connection that it takes and makes another one, so the edges
// of a map lead to the proxy and from it. Collapse joins the two where what was
// observed of single connections leaves one answer: an inference, which stands
// beside the edges and is never counted among them. It would rather say nothing
// than name the wrong end.
//
// The package is pure: the same legs, in any order, give the same answer.
package mesh
