package history

import (
	"strings"

	"peerscope/internal/topology"
)

// edgeRoom makes edges of rows, as they were before they were written down. What
// they consist of lives and dies with their map.
type edgeRoom struct {
	numbers   pieces[uint64]
	bytes     pieces[topology.Bytes]
	sides     pieces[topology.Sides]
	stats     pieces[topology.Stat]
	buckets   pieces[topology.Bucket]
	protocols pieces[topology.Protocol]
}

func (m *edgeRoom) edge(r *row, e *topology.Edge) {
	d := r.edge
	*e = topology.Edge{ID: d.id, Client: d.client, Server: d.server, Ends: d.ends, Transport: d.transport, ServerPort: d.serverPort, EndPorts: d.endPorts, Path: d.path}
	if r.sets != nil {
		e.Dialed, e.Services, e.Candidates, e.Holders = r.sets.Dialed, r.sets.Services, r.sets.Candidates, r.sets.Holders
	}
	e.Evidence = topology.Evidence{Peer: map[string]uint64{}, Role: map[string]uint64{}}
	var open topology.Evidence
	for i, c := range r.form.columns {
		m.put(e, &open, c, r.numbers[i])
	}
	e.SetOpen(open)
	// While nothing is known of protocols there is one row, of all connections.
	if len(e.Protocols) == 1 && e.Protocols[0].Name == "" {
		e.Protocols = nil
		if n := e.Connections.Active + e.Connections.Closed; n > 0 {
			e.Protocols = m.protocols.take(1)
			e.Protocols[0].Connections = n
		}
	}
}

// put writes one number to where it belongs.
func (m *edgeRoom) put(e *topology.Edge, open *topology.Evidence, c column, n uint64) {
	switch k := c.kind; {
	case k == kindActive:
		e.Connections.Active = n
	case k == kindPending:
		e.Connections.Pending = n
	case k == kindOpened:
		e.Connections.Opened = n
	case k == kindClosed:
		e.Connections.Closed = n
	case k == kindFailed:
		e.Connections.Failed = n
	case k >= kindRTT && k < kindRTT+4:
		m.putFigure(&e.RTT, k-kindRTT, n)
	case k >= kindConnect && k < kindConnect+4:
		m.putFigure(&e.Connect, k-kindConnect, n)
	case k >= kindBytes && k < kindRTT:
		m.putDirection(e, k, n)
	case k >= kindConnectBuckets:
		m.putBucket(e.Connect, k-kindConnectBuckets, n)
	case k >= kindRTTBuckets:
		m.putBucket(e.RTT, k-kindRTTBuckets, n)
	default:
		putNamed(e, open, c, n)
	}
}

func (m *edgeRoom) putFigure(into **topology.Stat, which kind, n uint64) {
	if *into == nil {
		*into = m.stats.new()
	}
	s := *into
	*[...]*uint64{&s.Count, &s.Sum, &s.Min, &s.Max}[which] = n
}

// putBucket adds a bucket behind the others.
func (m *edgeRoom) putBucket(s *topology.Stat, bucket kind, n uint64) {
	if n == 0 || s == nil {
		return
	}
	upTo := uint64(topology.Unbounded)
	if int(bucket) < len(topology.BucketBounds) {
		upTo = topology.BucketBounds[bucket]
	}
	if s.Buckets == nil {
		s.Buckets = m.buckets.take(bucketsTogether)[:0]
	}
	s.Buckets = append(s.Buckets, topology.Bucket{UpTo: upTo, Count: n})
}

func (m *edgeRoom) putDirection(e *topology.Edge, k kind, n uint64) {
	if k >= kindSideClient && e.Sides == nil {
		e.Sides = m.sides.new()
	}
	var into **topology.Bytes
	switch k &^ 3 {
	case kindBytes:
		into = &e.Bytes
	case kindRetransmits:
		into = &e.Retransmits
	case kindSideClient:
		into = &e.Sides.Client
	case kindSideServer:
		into = &e.Sides.Server
	case kindSideFirst:
		into = &e.Sides.First
	case kindSideSecond:
		into = &e.Sides.Second
	default:
		return
	}
	if *into == nil {
		*into = m.bytes.new()
	}
	number := m.numbers.new()
	*number = n
	*directions(*into)[k&3] = number
}

// putNamed writes a number that has a name. What a later version may have
// written is left out.
func putNamed(e *topology.Edge, open *topology.Evidence, c column, n uint64) {
	switch c.kind {
	case kindEndedPeer:
		count(&e.Evidence.Peer, c.name, n)
	case kindEndedRole:
		count(&e.Evidence.Role, c.name, n)
	case kindOpenPeer:
		count(&e.Evidence.Peer, c.name, n)
		count(&open.Peer, c.name, n)
	case kindOpenRole:
		count(&e.Evidence.Role, c.name, n)
		count(&open.Role, c.name, n)
	case kindError:
		if e.Errors == nil {
			e.Errors = map[string]uint64{}
		}
		e.Errors[c.name] = n
	case kindInexact:
		e.Inexact = append(e.Inexact, c.name)
	case kindProtocol:
		name, tls, _ := strings.Cut(c.name, "\x00")
		p := topology.Protocol{Name: name, Connections: n}
		if tls != "-" {
			p.TLS = new(tls == "1")
		}
		e.Protocols = append(e.Protocols, p)
	}
}

func count(into *map[string]uint64, name string, n uint64) {
	if n == 0 {
		return
	}
	if *into == nil {
		*into = map[string]uint64{}
	}
	(*into)[name] += n
}
