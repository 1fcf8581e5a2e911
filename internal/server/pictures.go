package server

import (
	"container/list"
	"strings"
	"sync"

	"peerscope/internal/layout"
	"peerscope/internal/view"
)

// mostPictures is of how many ways to look at the map the places are remembered.
const mostPictures = 64

// pictures remembers of each way to look at the map what was shown and where, so
// that nothing moves from one picture to the next. Who did not look for the
// longest is forgotten first.
type pictures struct {
	mu   sync.Mutex
	used list.List // of *places, the last used first
	by   map[string]*list.Element
}

// places are those of one way to look.
type places struct {
	key string

	mu    sync.Mutex // held while a picture is made
	shown map[string]bool
	last  *layout.Places
	since map[string]int64 // by id of edge, Unix milliseconds; 0: longer than is remembered
	end   int64            // of the last live picture
}

func newPictures() *pictures { return &pictures{by: map[string]*list.Element{}} }

func (p *pictures) of(key string) *places {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, ok := p.by[key]; ok {
		p.used.MoveToFront(at)
		return at.Value.(*places)
	}
	for p.used.Len() >= mostPictures {
		delete(p.by, p.used.Remove(p.used.Back()).(*places).key)
	}
	x := &places{key: key}
	p.by[key] = p.used.PushFront(x)
	return x
}

// arrange gives the nodes of a picture their places, and remembers them.
func (p *places) arrange(g *view.Graph) {
	p.shown = make(map[string]bool, len(g.Nodes))
	for i := range g.Nodes {
		if g.Nodes[i].Kind != view.KindBundle {
			p.shown[g.Nodes[i].ID] = true
		}
	}
	if p.last = g.Place(p.last, layout.Options{}); g.Groups == nil {
		g.Groups = []view.Group{} // none, and not unknown
	}
}

// date says of edges of the live graph since when they are there, as far as that
// was seen: they were in no picture whose window reaches into the one of this.
func (p *places) date(g *view.Graph) {
	from, to, err := g.Window.Bounds()
	if err != nil || to.UnixMilli() < p.end {
		return
	}
	known := p.end > 0 && p.end >= from.UnixMilli() && p.end < to.UnixMilli()
	next := make(map[string]int64, len(g.Edges))
	for i := range g.Edges {
		e := &g.Edges[i]
		first, second := endsOf(e)
		if strings.HasPrefix(first, "bundle:") || strings.HasPrefix(second, "bundle:") {
			continue // it comes and goes with what is in it
		}
		since, there := p.since[e.ID]
		if !there && known {
			since = p.end
		}
		e.Since, next[e.ID] = since, since
	}
	p.since, p.end = next, to.UnixMilli()
}
