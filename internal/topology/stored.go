package topology

// What Merge has to know beside what a map prints. Whoever stores maps to merge
// them later keeps it with them.

// Open is the evidence of the connections that are open or pending at the
// window's end: the part of Evidence that does not add up.
func (e *Edge) Open() Evidence { return e.open }

// SetOpen is for an edge that was read from where Open was kept.
func (e *Edge) SetOpen(open Evidence) { e.open = open }

// Open is that part of Evidence.Pairing.
func (l *Logical) Open() map[string]uint64 { return l.open }

// SetOpen is for one that was read from where Open was kept.
func (l *Logical) SetOpen(open map[string]uint64) { l.open = open }
