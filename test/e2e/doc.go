// Package e2e is the lab: real processes in real network namespaces, whose true
// traffic is known, judge the map that the peerscope binary draws of them.
//
// A scenario builds a world (namespaces, links, translation rules), starts
// actors (small programs that do exactly what they are told and report what the
// kernel answered), starts the tool, lets the actors act, and records every
// connection from the facts they reported. The scorer then compares the map
// with that truth: an edge that is not true, an edge that could be known and is
// missing, a count that is off, each fails the scenario.
//
// Truth is complete, also where a source cannot know it. What a source can know
// is worked out beside it (knowledge.go), so that the same scenarios judge a
// source that knows more.
//
// Everything a scenario makes carries the prefix pslab, lives in its own
// namespaces and is gone afterwards. Only processes the lab started are ended.
package e2e
