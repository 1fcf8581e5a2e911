package export

import (
	"fmt"
	"slices"
	"strings"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// evidence says on what each end and the roles stand, for all that stand alike.
func (t *telling) evidence() []string {
	if t.x.Connection == nil && t.x.Past != nil {
		return t.evidenceOfPast()
	}
	all := t.explained()
	var out []string
	for _, d := range t.decisions() {
		of := ""
		if d.Alike < all {
			of = fmt.Sprintf("%d of %d (%s): ", d.Alike, all, d.Connection.State)
		}
		peer := "peer by " + d.Connection.Peer + " (" + qualityOf(d.Connection.Peer).String() + ")"
		switch d.Connection.Peer {
		case flow.PeerAmbiguous.String():
			peer = "peer ambiguous"
		case flow.PeerNone.String():
			peer = "peer not known"
		}
		out = append(out, of+peer+t.because(&d, flow.AboutPeer))
		for _, s := range d.Steps {
			if s.About != flow.AboutPeer && s.About != flow.AboutRole {
				out = append(out, fmt.Sprintf("the %s's process: %s%s", s.About, s.Facts.Why, t.listed(": ", s.Facts.Processes)))
			}
		}
		role := "role by " + d.Connection.Role
		if d.Connection.Role == flow.RoleUnknown.String() {
			role = "role not known"
		}
		out = append(out, role+t.because(&d, flow.AboutRole))
	}
	if t.x.LeftOut > 0 {
		out = append(out, fmt.Sprintf("%s more of this edge are counted and not explained one by one", countText(t.x.LeftOut)))
	}
	return out
}

// because tells what decided, and what agreed with it.
func (t *telling) because(d *topology.Decision, about string) string {
	var out []string
	for _, s := range d.Steps {
		if s.About != about {
			continue
		}
		switch s.Result {
		case flow.Matched, flow.Ambiguous:
			out = append(out, t.found(&s))
		case flow.Agrees:
			out = append(out, s.Rule+" agrees: "+t.voted(s.Facts.Votes))
		}
	}
	if out == nil {
		return ": nothing that was asked tells"
	}
	return ": " + strings.Join(out, "; ")
}

// found are the words of a step that decided.
func (t *telling) found(s *flow.Step) string {
	var parts []string
	if s.Facts.Why != "" {
		parts = append(parts, s.Facts.Why)
	}
	if v := t.voted(s.Facts.Votes); v != "" {
		parts = append(parts, v)
	}
	if q := s.Facts.Own; q != nil && s.Facts.Other != nil {
		parts = append(parts, fmt.Sprintf("%d/%d here, %d/%d there", q.SendBase, q.RecvBase, s.Facts.Other.SendBase, s.Facts.Other.RecvBase))
	}
	for _, h := range s.Facts.Hops {
		parts = append(parts, h.From+" became "+h.To+t.in(h.Netns))
	}
	for _, c := range s.Facts.Sockets {
		if c.Verdict == "fits" || len(s.Facts.Sockets) > 1 {
			text := t.socket(&c.Endpoint) + t.listed(" held by ", c.Holders)
			if c.Verdict != "fits" {
				text += " (" + c.Verdict + ")"
			}
			parts = append(parts, text)
		}
	}
	for _, l := range s.Facts.Listeners {
		if l.Verdict == "fits" {
			parts = append(parts, t.listens(l))
		}
	}
	if len(s.Facts.Unread) > 0 {
		var spaces []string
		for _, p := range s.Facts.Unread {
			spaces = append(spaces, t.placeName(p))
		}
		parts = append(parts, "not read: "+t.clip(spaces, ", "))
	}
	return strings.Join(parts, ", ")
}

// voted are the votes of one rung.
func (t *telling) voted(votes []flow.Vote) string {
	var parts []string
	for _, v := range votes {
		parts = append(parts, "the "+v.End+": "+v.By)
	}
	return strings.Join(parts, ", ")
}

func (t *telling) listed(before string, ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return before + t.list(ids, ", ")
}

// tellsALack: the rung says nothing because of something that a better source
// would tell, and not because of what kind of connection it is.
func tellsALack(s *flow.Step) bool {
	return s.About == flow.AboutPeer && (s.Rule == flow.PeerSequence.String() || s.Rule == flow.PeerNAT.String())
}

// rejected are the rungs that might have said something and did not, or not what
// was decided, each once.
func (t *telling) rejected() []string {
	var out []string
	for _, d := range t.decisions() {
		decided := false
		for _, s := range d.Steps {
			above := !decided && s.Result == flow.NotApplicable && t.e.Transport == flow.TCP.String() && tellsALack(&s)
			decided = decided || s.About == flow.AboutPeer && (s.Result == flow.Matched || s.Result == flow.Ambiguous)
			if !above && s.Result != flow.Rejected && s.Result != flow.Contradicts && (s.Result != flow.NothingFound || s.About != flow.AboutPeer) {
				continue
			}
			text := s.Rule + ": " + s.Facts.Why
			if s.About == flow.AboutRole {
				text = "role by " + s.Rule + ": " + s.Facts.Why + " (" + t.voted(s.Facts.Votes) + ")"
			}
			for _, c := range s.Facts.Sockets {
				text += "; " + t.socket(&c.Endpoint) + t.listed(" held by ", c.Holders) + ": " + c.Verdict
			}
			if trouble(t.e) == 0 { // else they stand under the other end
				for _, l := range s.Facts.Listeners {
					text += "; " + t.listens(l)
				}
			}
			if !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	return out
}
