package tui

// columns are the widths of the table; 0: it is left out. They depend on the width
// of the screen and on what there is to show at all, not on what the rows hold
// just now, so that nothing moves sideways.
type columns struct {
	client, server  int // names, and places where there is room beside them
	places          [2]bool
	at, protocol    int
	tx, rx, rtt     int
	conns           int
	failure, minute int
}

// Widths of columns, without the blank before them.
const (
	markWidth   = 3 // chosen, health, blank
	arrowWidth  = 4 // the arrow between blanks
	leastName   = 9
	placedName  = 16 // with a place
	mostName    = 20
	leastPlace  = 4
	mostPlaced  = 44
	atWidth     = 5
	mostAt      = 30
	protoWidth  = 5
	rateWidth   = 6
	timeWidth   = 6
	connsWidth  = 4
	failWidth   = 12
	crossWidth  = 3
	minuteWidth = 8
)

// columns drops what there is no room for, in this order: the last minute, the
// words of errors, connections, round trips, the client's place, the server's
// place, the protocol, the sign of errors, the port, the way back, the way there.
// What is left over goes to names first.
func (md *model) columns() columns {
	c := columns{client: leastName, server: leastName, at: atWidth, protocol: protoWidth, tx: rateWidth, rx: rateWidth, rtt: timeWidth,
		conns: connsWidth, failure: failWidth, minute: minuteWidth}
	if md.sums.places {
		c.client, c.server, c.places = placedName, placedName, [2]bool{true, true}
	}
	drops := [...]func(){
		func() { c.minute = 0 }, func() { c.failure = crossWidth }, func() { c.conns = 0 }, func() { c.rtt = 0 },
		func() { c.client, c.places[0] = leastName, false }, func() { c.server, c.places[1] = leastName, false },
		func() { c.protocol = 0 }, func() { c.failure = 0 }, func() { c.at = 0 }, func() { c.rx = 0 }, func() { c.tx = 0 },
	}
	for i := 0; i < len(drops) && c.width() > md.width; i++ {
		drops[i]()
	}
	if left := md.width - c.width(); left < 0 {
		room := max(md.width-markWidth-arrowWidth, 2)
		c.client, c.server = (room+1)/2, room/2
		return c
	}
	c.grow(md.width)
	return c
}

// width is what the columns take, with the blanks between them.
func (c *columns) width() int {
	n := markWidth + arrowWidth + c.client + c.server
	for _, w := range [...]int{c.at, c.protocol, c.tx, c.rx, c.rtt, c.conns, c.failure, c.minute} {
		if w > 0 {
			n += w + 1
		}
	}
	return n
}

// grow gives out the room that is left, a cell each in turn, to what can use it.
func (c *columns) grow(width int) {
	most := [2]int{mostName, mostName}
	for i, placed := range c.places {
		if placed {
			most[i] = mostPlaced
		}
	}
	left := width - c.width()
	for _, step := range [...][]struct {
		column *int
		most   int
	}{
		{{&c.client, min(mostName, most[0])}, {&c.server, min(mostName, most[1])}},
		{{&c.at, 8}, {&c.protocol, 8}, {&c.minute, 12}},
		{{&c.client, min(28, most[0])}, {&c.server, min(28, most[1])}, {&c.minute, 20}},
		{{&c.client, most[0]}, {&c.server, most[1]}, {&c.at, mostAt}},
		{{&c.failure, 20}},
	} {
		for gave := true; gave && left > 0; {
			gave = false
			for _, g := range step {
				if *g.column > 0 && *g.column < g.most && left > 0 && (g.column != &c.failure || *g.column > crossWidth) {
					*g.column++
					left--
					gave = true
				}
			}
		}
	}
	if c.minute > 0 {
		c.minute = min(c.minute+max(left, 0), kept)
	}
}
