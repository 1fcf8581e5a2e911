package tui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"peerscope/internal/flow"
	"peerscope/internal/screen"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// narrow is below which width labels take too much of it.
const narrow = 60

// prose is text that is wrapped to the screen.
type prose struct {
	md    *model
	lines []*line
}

// say adds a paragraph behind a label, wrapped and in line with it.
func (p *prose) say(t tone, label, text string) {
	if text == "" {
		return
	}
	text = p.md.plainWords(text)
	const labelWidth = 10
	indent := 1
	if label != "" {
		indent += labelWidth
	}
	if p.md.width < narrow {
		indent = 1
	}
	for i, part := range screen.Wrap(strings.Fields(text), " ", max(p.md.width-indent-1, 1)) {
		l := &line{}
		l.blank(1)
		switch {
		case label != "" && indent > 1 && i == 0:
			l.cell(muted, label, labelWidth-1, false, p.md.style.glyphs().ellipsis)
			l.blank(1)
		case indent > 1:
			l.blank(indent - 1)
		}
		l.add(t, part)
		p.lines = append(p.lines, l)
	}
}

// plainWords are the words of a text as this style can show them: figures of other
// packages have a sign that is not ASCII.
func (md *model) plainWords(text string) string {
	if md.style.ascii {
		text = strings.NewReplacer("µs", "us", "…", "..").Replace(text)
	}
	return md.style.clean(text)
}

// explain says all that is known of a row: in a sentence, in figures and curves,
// who both ends are, and on what grounds.
func (md *model) explain(r *row) []*line {
	p := &prose{md: md}
	if r == nil || r.Edge == nil {
		return nil
	}
	first := strong
	if r.troubled(md.now) {
		first = bad
	}
	p.say(first, "", cmp.Or(r.Sentence, md.oneLine(r)))
	if gone := r.gone(md.now); gone > 0 {
		p.say(warn, "", fmt.Sprintf("It is not in the map for %s; the figures are those of before.", plural(gone, "second", "seconds")))
	}
	edges := md.members(r)
	p.figures(r)
	p.curves(r)
	p.evidence(r, edges)
	p.card("client", "first", r, 0)
	p.card("server", "second", r, 1)
	p.doubts(r)
	p.say(plain, "edge", fmt.Sprintf("%s; more: peerscope explain %s", r.ID, explainArgs(r, edges)))
	return p.lines
}

// explainArgs are what makes `peerscope explain` speak of this row: its id at the
// level of processes.
func explainArgs(r *row, edges []*topology.Edge) string {
	if len(edges) == 1 {
		return edges[0].ID
	}
	for _, n := range r.ends {
		if n != nil && n.Kind != topology.KindAddress && quote(n.Name) == n.Name {
			return n.Name
		}
	}
	return r.ID
}

// figures are those that the sentence does not say.
func (p *prose) figures(r *row) {
	g := p.md.style.glyphs()
	c := &r.Connections
	parts := []string{fmt.Sprintf("%s open, %s opened, %s closed", count(c.Active), count(c.Opened), count(c.Closed))}
	if c.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%s failed (%s)", count(c.Failed), counts(r.Errors)))
	}
	if c.Pending > 0 {
		parts = append(parts, count(c.Pending)+" waiting for an answer")
	}
	if r.RTT != nil {
		text := "round trips"
		if r.RTT.P95 != nil {
			text += " p95 " + seconds(*r.RTT.P95, g.micro) + ","
		}
		parts = append(parts, text+" at most "+seconds(r.RTT.Max, g.micro))
	}
	if r.Retransmits != nil && *r.Retransmits > 0 {
		parts = append(parts, perSecond(*r.Retransmits)+" segments/s sent again")
	}
	p.say(plain, "now", strings.Join(parts, g.dot))
	if len(r.Inexact) > 0 {
		p.say(warn, "inexact", strings.Join(r.Inexact, ", "))
	}
}

// curves draws the last minute, as many curves in a line as fit.
func (p *prose) curves(r *row) {
	g := p.md.style.glyphs()
	const cells = 15
	l := &line{}
	for _, c := range [...]struct {
		label string
		of    func(*sample) (float64, bool)
		text  func(float64) string
	}{
		{g.up, func(s *sample) (float64, bool) { return float64(s.tx), s.known&knownTx != 0 }, func(v float64) string { return amount(v) + "/s" }},
		{g.down, func(s *sample) (float64, bool) { return float64(s.rx), s.known&knownRx != 0 }, func(v float64) string { return amount(v) + "/s" }},
		{"rtt", func(s *sample) (float64, bool) { return float64(s.rtt), s.known&knownRTT != 0 }, func(v float64) string { return seconds(v, g.micro) }},
		{"failed", func(s *sample) (float64, bool) { return float64(s.failed), true }, func(v float64) string { return perSecond(v) + "/s" }},
	} {
		values, failed := p.md.past(&r.trail, 2*cells, c.of)
		if highest(values) == 0 || c.label == "failed" && !slices.Contains(failed, true) {
			continue
		}
		text := p.md.curve(values)
		most := " max " + c.text(highest(values)) + "  "
		if l.width > 0 && l.width+screen.Width(c.label)+1+cells+screen.Width(most) > p.md.width {
			p.lines = append(p.lines, l)
			l = &line{}
		}
		if l.width == 0 {
			l.blank(1)
			if p.md.width >= narrow {
				l.cell(muted, "60 s", 9, false, g.ellipsis)
				l.blank(1)
			}
		}
		l.add(muted, c.label+" ")
		l.add(plain, text)
		l.add(muted, most)
	}
	if l.width > 0 {
		p.lines = append(p.lines, l)
	}
}

// card says who an end is.
func (p *prose) card(role, roleless string, r *row, i int) {
	if !r.roles() {
		role = roleless
	}
	n := r.ends[i]
	if n == nil {
		return
	}
	a := &n.Attributes
	parts := []string{n.Name}
	if n.Place != "" {
		parts = append(parts, n.Place)
	}
	if n.Processes > 1 {
		parts = append(parts, many(uint64(n.Processes), "processe"))
	}
	if len(n.PIDs) > 0 {
		parts = append(parts, "pid "+pidList(n.PIDs, n.Processes))
	}
	for _, f := range [...]struct{ label, value string }{
		{"", a.ExecutablePath}, {"runs ", a.CommandLine}, {"user ", a.Owner}, {"unit ", a.Unit}, {"container ", a.ContainerName},
		{"image ", a.Image}, {"pod ", a.PodName}, {"of ", a.Workload()}, {"k8s namespace ", a.Namespace}, {"cgroup ", a.Cgroup},
		{"address ", a.PeerAddress}, {"network namespace ", a.NetnsName},
	} {
		if f.value != "" && f.value != n.Name && !(f.label == "runs " && f.value == a.ExecutablePath) {
			parts = append(parts, f.label+f.value)
		}
	}
	if n.Exited {
		parts = append(parts, "it has ended")
	}
	if n.Unknown {
		parts = append(parts, "its process is not known")
	}
	for i := range parts {
		parts[i] = p.md.style.clean(parts[i])
	}
	p.say(plain, role, strings.Join(parts, p.md.style.glyphs().dot))
}

func pidList(pids []int32, all int) string {
	var b strings.Builder
	for i, pid := range pids {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d", pid)
	}
	if all > len(pids) {
		fmt.Fprintf(&b, " and %d more", all-len(pids))
	}
	return b.String()
}

// evidence is how well the ends are known, and on what grounds.
func (p *prose) evidence(r *row, edges []*topology.Edge) {
	g := p.md.style.glyphs()
	quality := []string{"client " + cmp.Or(r.Quality.Client, "-"), "server " + cmp.Or(r.Quality.Server, "-")}
	if !r.roles() {
		quality = []string{"first " + cmp.Or(r.Quality.First, "-"), "second " + cmp.Or(r.Quality.Second, "-")}
	}
	peer, role := map[string]uint64{}, map[string]uint64{}
	for _, e := range edges {
		for w, n := range e.Evidence.Peer {
			peer[w] += n
		}
		for w, n := range e.Evidence.Role {
			role[w] += n
		}
	}
	if len(peer) > 0 {
		quality = append(quality, "peer by "+wordCounts(peer, flow.PeerEvidenceNames[:]))
	}
	if len(role) > 0 {
		quality = append(quality, "role by "+wordCounts(role, flow.RoleEvidenceNames[:]))
	}
	t := plain
	if words := r.Quality; slices.Contains([]string{words.Client, words.Server, words.First, words.Second}, view.Inferred) {
		t = warn
	}
	p.say(t, "evidence", strings.Join(quality, g.dot))
}

// doubts are what could be otherwise, and what else is known of the way.
func (p *prose) doubts(r *row) {
	for _, end := range slices.Sorted(maps.Keys(r.Candidates)) {
		p.say(warn, "several", "the "+end+" is one of "+strings.Join(r.Candidates[end], ", "))
	}
	for _, end := range slices.Sorted(maps.Keys(r.Holders)) {
		p.say(plain, "held by", "the socket of the "+end+" is also held by "+strings.Join(r.Holders[end], ", "))
	}
	if len(r.Dialed) > 0 {
		p.say(plain, "dialed", strings.Join(r.Dialed, ", "))
	}
	if len(r.Services) > 0 {
		p.say(plain, "services", strings.Join(r.Services, ", "))
	}
}

// wordCounts writes words with their counts, strongest first.
func wordCounts(counts map[string]uint64, ladder []string) string {
	words := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(ladder, a), rank(ladder, b)), cmp.Compare(a, b))
	})
	for i, w := range words {
		words[i] = fmt.Sprintf("%s %s", w, count(counts[w]))
	}
	return strings.Join(words, ", ")
}

func rank(ladder []string, word string) int {
	if i := slices.Index(ladder, word); i >= 0 {
		return i
	}
	return len(ladder)
}

// counts writes names with their counts, the most frequent first.
func counts(of map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a, b)) })
	for i, n := range names {
		names[i] = fmt.Sprintf("%s %s", n, count(of[n]))
	}
	return strings.Join(names, ", ")
}
