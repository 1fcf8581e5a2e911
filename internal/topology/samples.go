package topology

// samples is a Stat while its window is open. As long as all samples are in the
// bucket of the first one, as with most edges, it has no histogram: the count
// says it all.
type samples struct {
	count, sum uint64
	min, max   uint32 // microseconds
	at         uint32 // of its histogram in Ledger.spread, plus one; 0: none
}

// histogram counts samples by BucketOf.
type histogram [len(BucketBounds) + 1]uint64

// observe adds one sample of us microseconds; 0 is no sample.
func (l *Ledger) observe(s *samples, us uint32) {
	if us == 0 {
		return
	}
	bucket := BucketOf(uint64(us))
	if s.at == 0 && s.count > 0 {
		if first := BucketOf(uint64(s.min)); first != bucket {
			l.spread = append(l.spread, histogram{})
			s.at = uint32(len(l.spread))
			l.spread[s.at-1][first] = s.count
		}
	}
	if s.at != 0 {
		l.spread[s.at-1][bucket]++
	}
	if s.count == 0 || us < s.min {
		s.min = us
	}
	s.count++
	s.sum += uint64(us)
	s.max = max(s.max, us)
}

// stat writes samples down; nil: there are none.
func (l *Ledger) stat(s *samples) *Stat {
	if s.count == 0 {
		return nil
	}
	out := &Stat{Count: s.count, Sum: s.sum, Min: uint64(s.min), Max: uint64(s.max)}
	if s.at == 0 {
		out.Buckets = Buckets{{bound(BucketOf(out.Min)), s.count}}
		return out
	}
	for i, n := range l.spread[s.at-1] {
		if n > 0 {
			out.Buckets = append(out.Buckets, Bucket{bound(i), n})
		}
	}
	return out
}
