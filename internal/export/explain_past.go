package export

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// sinceOfPast says since when the history has the edge.
func (t *telling) sinceOfPast() []string {
	p := t.x.Past
	switch {
	case p == nil:
		return nil
	case p.Since == "":
		return []string{"the history does not have it yet; it was looked through from " + t.moment(p.Searched)}
	case p.Older:
		return []string{"the history has it since its beginning, " + t.moment(p.Since) + "; it may be older"}
	}
	return []string{"the history has it since " + t.moment(p.Since)}
}

// overTime are the figures of the steps of the time that is explained.
func (t *telling) overTime() []string {
	if t.x.Past == nil || t.x.Past.Series == nil {
		return nil
	}
	s := t.x.Past.Series
	layout := "15:04:05"
	if n := len(s.Times); n > 0 && s.Times[n-1]-s.Times[0] >= (24*time.Hour).Milliseconds() {
		layout = "2006-01-02 15:04"
	}
	var out []string
	for i, at := range s.Times {
		out = append(out, time.UnixMilli(at).UTC().Format(layout)+"  "+t.stepText(s, i))
	}
	if len(out) > 0 {
		out = append(out, "(each from that time, UTC, for "+spanText(time.Duration(s.StepMS)*time.Millisecond)+")")
	}
	return out
}

// before says how it was in the time before, as long as the one that is explained.
func (t *telling) before() []string {
	if t.x.Past == nil || t.x.Past.Before == nil || len(t.x.Past.Before.Times) != 1 {
		return nil
	}
	s := t.x.Past.Before
	return []string{"in the " + spanText(time.Duration(s.StepMS)*time.Millisecond) + " before: " + t.stepText(s, 0)}
}

// stepText is a step of a series in words.
func (t *telling) stepText(s *topology.Series, i int) string {
	value := func(measure string) (float64, bool) {
		if v := s.Columns[measure][i]; v != nil {
			return *v, true
		}
		return 0, false
	}
	active, known := value(topology.MeasureActive)
	switch {
	case !known:
		return "nobody observed"
	case !s.Seen(i):
		return "nothing of it was seen"
	}
	g := t.style.glyphs()
	parts := []string{fmt.Sprintf("%.0f open", active)}
	for _, m := range [...]struct{ measure, sign string }{{topology.MeasureTx, g.up}, {topology.MeasureRx, g.down}} {
		if v, ok := value(m.measure); ok {
			parts = append(parts, m.sign+" "+rateText(v))
		}
	}
	for _, m := range [...]struct{ measure, word string }{{topology.MeasureOpened, "opened"}, {topology.MeasureFailed, "failed"}, {topology.MeasureRetransmits, "segments sent again"}} {
		if v, ok := value(m.measure); ok && v > 0 {
			parts = append(parts, oftenText(v, m.word))
		}
	}
	if v, ok := value(topology.MeasureRTT); ok {
		parts = append(parts, "rtt "+microsText(v*1e6, g.micro))
	}
	return strings.Join(parts, ", ")
}

// oftenText writes how often something happens, in the unit in which it is a number
// that people can picture.
func oftenText(perSecond float64, what string) string {
	switch {
	case perSecond >= 100:
		return countText(uint64(perSecond)) + " " + what + " a second"
	case perSecond >= 0.1:
		return fmt.Sprintf("%.3g %s a second", perSecond, what)
	case perSecond*60 >= 0.1:
		return fmt.Sprintf("%.2g %s a minute", perSecond*60, what)
	}
	return fmt.Sprintf("%.2g %s an hour", perSecond*3600, what)
}

// happened is what the timeline has of the edge and its ends.
func (t *telling) happened() []string {
	if t.x.Past == nil {
		return nil
	}
	var out []string
	if n := t.x.Past.Earlier; n > 0 {
		out = append(out, plural(uint64(n), "event")+" before these")
	}
	for _, e := range t.x.Past.Events {
		out = append(out, time.UnixMilli(e.Time).UTC().Format("2006-01-02 15:04:05")+" UTC  "+t.style.clean(e.Text))
	}
	return out
}

// evidenceOfPast are the words that the connections stand on, as the map counts
// them.
func (t *telling) evidenceOfPast() []string {
	var out []string
	for _, w := range flow.PeerEvidenceNames {
		n, text := t.e.Evidence.Peer[w], "peer by "+w+" ("+qualityOf(w).String()+")"
		switch w {
		case flow.PeerAmbiguous.String():
			text = "peer ambiguous"
		case flow.PeerNone.String():
			text = "peer not known"
		}
		if n > 0 {
			out = append(out, text+": "+plural(n, "connection"))
		}
	}
	for _, w := range flow.RoleEvidenceNames {
		n, text := t.e.Evidence.Role[w], "role by "+w
		if w == flow.RoleUnknown.String() {
			text = "role not known"
		}
		if n > 0 {
			out = append(out, text+": "+plural(n, "connection"))
		}
	}
	return out
}

// unknownOfPast is what a history cannot tell.
func (t *telling) unknownOfPast(say func(string, ...any)) {
	p := t.x.Past
	if p == nil || t.x.Connection != nil {
		return
	}
	say("which connections these were, by which sockets, and what else was considered: a history keeps edges, not connections; a recording has them (peerscope record)")
	if p.Older {
		say("when it began: the history goes back to %s", cmp.Or(p.Since, p.Searched))
	}
}
