package tui

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"peerscope/internal/view"
)

// order is what rows are sorted by.
type order uint8

const (
	byRate order = iota
	byRTT
	byErrors
	byConnections
	byClient
	byServer
	byAge
	orders // how many there are
)

func (o order) String() string {
	return [...]string{"rate", "rtt", "errors", "connections", "client", "server", "newest", ""}[o]
}

// ranked is a row with what it is sorted by, close together: with thousands of
// rows memory is what takes the time.
type ranked struct {
	number float64
	text   string
	row    *row
}

// arrange chooses the rows that are shown, puts them in order, and keeps the
// chosen one.
func (md *model) arrange() {
	md.ranks = md.ranks[:0]
	md.sums.problems, md.sums.shown = 0, 0
	for _, r := range md.rows {
		troubled := r.troubled(md.now)
		if troubled {
			md.sums.problems++
		}
		if md.problems && !troubled || md.onlyNew && !r.isNew(md.now) {
			continue
		}
		md.ranks = append(md.ranks, r.rank(md.order, md.addresses))
		if r.gone(md.now) == 0 {
			md.sums.shown++
		}
	}
	slices.SortFunc(md.ranks, md.compare)
	md.list = md.list[:0]
	for i := range md.ranks {
		md.list = append(md.list, md.ranks[i].row)
	}
	if md.frozen != nil {
		for _, r := range md.list {
			if _, ok := md.frozen[r.id]; !ok { // what comes later stands below
				md.frozen[r.id] = len(md.frozen)
			}
		}
	}
	md.unfold()
	md.keepChosen()
}

// sums are what all rows have together, whether they are shown or not.
type sums struct {
	tx, rx      float64 // bytes a second
	known       bool    // any of them is
	problems    int
	shown       int    // rows that the keys leave and that are not gone
	places, p95 bool   // nodes are in several places; some row has a percentile
	place       string // of a node
}

// take adds a row that is there now.
func (s *sums) take(r *row) {
	for _, n := range r.ends {
		if n == nil || n.Place == "" || s.places {
			continue
		}
		// Where all are in one place it says nothing.
		s.places = s.place != "" && s.place != n.Place
		s.place = n.Place
	}
	s.p95 = s.p95 || r.RTT != nil && r.RTT.P95 != nil
	if r.Tx != nil {
		s.tx, s.known = s.tx+*r.Tx, true
	}
	if r.Rx != nil {
		s.rx, s.known = s.rx+*r.Rx, true
	}
}

// rank works out what a row is sorted by.
func (r *row) rank(o order, addresses bool) ranked {
	k := ranked{number: math.Inf(-1), row: r}
	number := func(v float64, ok bool) {
		if ok {
			k.number = v
		}
	}
	switch o {
	case byRate:
		number(r.rate())
	case byRTT:
		number(r.rtt())
	case byErrors:
		number(float64(r.ailing), r.ailing > 0)
		if r.Failed != nil && *r.Failed > 0 {
			const now = 1e9 // before all that failed a moment ago
			k.number = now + *r.Failed
		}
	case byConnections:
		number(float64(r.Active), true)
	case byClient:
		k.text = strings.ToLower(nodeName(r.ends[0], r.ID, addresses))
	case byServer:
		k.text = strings.ToLower(nodeName(r.ends[1], r.ID, addresses))
	case byAge:
		number(float64(r.born), true)
	}
	return k
}

// compare orders two rows: as they were when the order was frozen, else by what
// was asked for. Ids break ties, so that the same rows always stand in the same
// order.
func (md *model) compare(a, b ranked) int {
	if md.frozen != nil {
		x, known := md.frozen[a.row.id]
		y, also := md.frozen[b.row.id]
		switch {
		case known && also:
			return cmp.Compare(x, y)
		case known:
			return -1
		case also:
			return 1
		}
	}
	c := 0
	switch {
	case a.number > b.number:
		c = -1
	case a.number < b.number:
		c = 1
	case a.text != b.text:
		c = strings.Compare(a.text, b.text)
	}
	if md.reversed {
		c = -c
	}
	if c == 0 {
		c = strings.Compare(a.row.id, b.row.id)
	}
	return c
}

// unfold lists the edges of opened rows below them.
func (md *model) unfold() {
	if len(md.opened) == 0 {
		return
	}
	var out []*row
	for _, r := range md.list {
		out = append(out, r)
		if md.opened[r.id] {
			out = append(out, md.children(r)...)
		}
	}
	md.list = out
}

// keepChosen keeps the chosen row chosen, wherever it went. If it is not shown
// any more, the one that took its place is chosen. Until somebody moves it is the
// first one.
func (md *model) keepChosen() {
	if !md.moved && md.pane == closed && len(md.opened) == 0 {
		md.choose(0)
		return
	}
	at := slices.IndexFunc(md.list, func(r *row) bool { return r.id == md.chosen })
	if at < 0 {
		at = max(min(md.at, len(md.list)-1), 0)
	}
	md.choose(at)
}

// choose makes the row at that place the chosen one.
func (md *model) choose(at int) {
	md.at = max(min(at, len(md.list)-1), 0)
	md.chosen = ""
	if len(md.list) > 0 {
		md.chosen = md.list[md.at].id
	}
}

// current is the chosen row; nil: there is none.
func (md *model) current() *row {
	if md.at < len(md.list) {
		return md.list[md.at]
	}
	return nil
}

// nodeName is what a node is called: its name, or its address where that is
// wanted and known.
func nodeName(n *view.Node, id string, addresses bool) string {
	switch {
	case n == nil:
		return id
	case addresses && n.Attributes.PeerAddress != "":
		return n.Attributes.PeerAddress
	}
	return n.Name
}
