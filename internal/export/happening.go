package export

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// HappeningFormats are the formats of a stream of what happens.
func HappeningFormats() []string { return []string{"ndjson", "text"} }

// HappeningJSON is one thing that happened as one line of JSON, flat, with the
// names of OpenTelemetry's conventions where there are such.
func HappeningJSON(h *topology.Happening) ([]byte, error) {
	o := object{}
	o.put("time", h.Time.Stamp())
	o.put("event", h.Kind)
	o.text("host.name", h.Host)
	if h.Kind == topology.HappenedLost {
		o.text("peerscope.lost.reason", h.Reason)
		o.put("peerscope.lost.count", h.Count)
		return o.line()
	}
	o.text("peerscope.edge.id", h.Edge.ID)
	o.text("network.transport", h.Edge.Transport)
	first, second := "client", "server"
	if len(h.Edge.Ends) == 2 {
		first, second = "first", "second"
	}
	if h.Edge.Transport != flow.Unix.String() {
		o.text("network.type", networkType(h.Connection.A, h.Connection.B))
	}
	o.end(first, h.First, h.Connection.A)
	o.end(second, h.Second, h.Connection.B)
	if topology.HappenedOnEdge(h.Kind) {
		if h.Edge.ServerPort != 0 {
			o.put("server.port", h.Edge.ServerPort)
		}
		o.text("error.type", h.Error)
		o.text("peerscope.unix.path", h.Edge.Path)
		return o.line()
	}
	o.text("peerscope.unix.path", h.Edge.Path)
	o.text("peerscope.dialed", h.Dialed)
	o.connection(h)
	o.text("peerscope.evidence.peer", h.Peer)
	o.text("peerscope.evidence.role", h.Role)
	return o.line()
}

// connection puts what a connection did.
func (o *object) connection(h *topology.Happening) {
	if h.Kind == topology.HappenedFailed {
		o.text("error.type", h.Error)
		return
	}
	if h.Kind == topology.HappenedOpened {
		if h.Connect != 0 {
			o.put("peerscope.connect.duration", seconds(time.Duration(h.Connect)*time.Microsecond))
		}
		return
	}
	c := &h.Connection
	if c.Exact && c.Latest >= c.Opened {
		o.put("peerscope.connection.duration", seconds(time.Duration(c.Latest-c.Opened).Round(time.Millisecond)))
	}
	to, back := "to_server", "to_client"
	if len(h.Edge.Ends) == 2 {
		to, back = "first_to_second", "second_to_first"
	}
	for _, d := range [...]struct {
		name string
		a    flow.Amount
	}{{to, c.Bytes.ToB}, {back, c.Bytes.ToA}} {
		if d.a.Known {
			o.put("peerscope.bytes."+d.name, d.a.Value)
		}
	}
	if c.Bytes.ToA.Inexact || c.Bytes.ToB.Inexact {
		o.put("peerscope.bytes.inexact", true)
	}
	if c.RTT != 0 {
		o.put("peerscope.tcp.rtt", seconds(time.Duration(c.RTT)*time.Microsecond))
	}
}

// end puts who is at one end, and under which address.
func (o *object) end(name string, n *topology.Node, at netip.AddrPort) {
	if at.Addr().IsValid() {
		o.text(name+".address", at.Addr().String())
	}
	if at.Port() != 0 {
		o.put(name+".port", at.Port())
	}
	if n == nil {
		return
	}
	a := &n.Attributes
	if !at.Addr().IsValid() {
		o.text(name+".address", a.PeerAddress)
	}
	o.text(name+".peerscope.node.id", n.ID)
	o.text(name+".peerscope.node.name", n.Name)
	if a.PID != 0 {
		o.put(name+".process.pid", a.PID)
	}
	for _, v := range [...]struct{ key, value string }{
		{"process.executable.name", a.ExecutableName}, {"process.creation.time", a.Created},
		{"container.id", a.ContainerID}, {"container.name", a.ContainerName},
		{"k8s.namespace.name", a.Namespace}, {"k8s.pod.name", a.PodName}, {"service.name", cmp.Or(a.ServiceName, a.KubeService)},
		{"peerscope.systemd.unit", a.Unit},
	} {
		o.text(name+"."+v.key, v.value)
	}
	if a.NetnsInode != 0 {
		o.put(name+".peerscope.netns.inode", a.NetnsInode)
	}
}

// networkType is the family of the addresses, "" if neither is known.
func networkType(list ...netip.AddrPort) string {
	for _, a := range list {
		switch {
		case a.Addr().Is4():
			return "ipv4"
		case a.Addr().Is6():
			return "ipv6"
		}
	}
	return ""
}

func seconds(d time.Duration) float64 { return d.Seconds() }

// object is a JSON object in the making; its keys keep the order in which they
// were put.
type object struct {
	keys   []string
	values []any
}

// put adds a value, or replaces the one that key has.
func (o *object) put(key string, value any) {
	if i := slices.Index(o.keys, key); i >= 0 {
		o.values[i] = value
		return
	}
	o.keys, o.values = append(o.keys, key), append(o.values, value)
}

// text adds a text that is not empty: what is empty is not known.
func (o *object) text(key, value string) {
	if value != "" {
		o.put(key, value)
	}
}

func (o *object) line() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i, key := range o.keys {
		b.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(&b, "%q:", key)
		if err := enc.Encode(o.values[i]); err != nil {
			return nil, fmt.Errorf("encode %s: %w", key, err)
		}
		b.Truncate(b.Len() - 1) // the encoder's newline
	}
	b.WriteString("}\n")
	return escapeJSON(b.Bytes()), nil
}

// HappeningText is the same in one line for people.
func HappeningText(h *topology.Happening, style Style) []byte {
	clock := time.Unix(0, int64(h.Time)).UTC().Format("15:04:05.000")
	if h.Kind == topology.HappenedLost {
		text := fmt.Sprintf("%s: %s", h.Reason, countText(h.Count))
		return []byte(style.line([]span{{clock + "  ", muted}, {"lost    ", bad}, {text, bad}}) + "\n")
	}
	var nodes []topology.Node
	for _, n := range [...]*topology.Node{h.First, h.Second} {
		if n != nil {
			nodes = append(nodes, *n)
		}
	}
	n := newNames(&topology.Map{Nodes: nodes}, style)
	g := style.glyphs()
	a, b, roles := ends(h.Edge)
	arrow := g.arrow
	if !roles {
		arrow = g.both
	}
	word, tone := wordOf(h.Kind)
	spans := []span{{clock + "  ", muted}, {word, tone}, {n.label(a).String() + " " + arrow + " " + n.label(b).String(), strong}}
	if where := n.port(h.Edge); where != none {
		spans = append(spans, span{" " + where, plain})
	}
	spans = append(spans, span{" " + h.Edge.Transport, plain}, span{figures(h, g), plain})
	if !topology.HappenedOnEdge(h.Kind) && h.Connection.A.IsValid() && h.Connection.B.IsValid() {
		spans = append(spans, span{"  " + h.Connection.A.String() + " " + arrow + " " + h.Connection.B.String(), muted})
	}
	return []byte(style.line(spans) + "\n")
}

// wordOf is what people read for a kind, all as wide.
func wordOf(kind string) (string, tone) {
	switch kind {
	case topology.HappenedEdge:
		return "new     ", strong
	case topology.HappenedOpened:
		return "opened  ", plain
	case topology.HappenedFailed:
		return "failed  ", bad
	case topology.HappenedFailing:
		return "failing ", bad
	case topology.HappenedMended:
		return "mended  ", strong
	}
	return "closed  ", muted
}

// figures are what is known of a connection in numbers, each after two spaces.
func figures(h *topology.Happening, g glyphs) string {
	var out []string
	c := &h.Connection
	switch h.Kind {
	case topology.HappenedFailed, topology.HappenedFailing:
		out = append(out, g.cross+" "+cmp.Or(h.Error, "error not known"))
	case topology.HappenedOpened:
		if h.Connect != 0 {
			out = append(out, "in "+microsText(float64(h.Connect), g.micro))
		}
	case topology.HappenedClosed:
		for _, d := range [...]struct {
			sign string
			a    flow.Amount
		}{{g.up, c.Bytes.ToB}, {g.down, c.Bytes.ToA}} {
			about := ""
			if d.a.Inexact {
				about = g.about
			}
			if d.a.Known {
				out = append(out, d.sign+" "+about+bytesText(d.a.Value))
			}
		}
		if c.Exact && c.Latest >= c.Opened {
			out = append(out, "after "+spanText(time.Duration(c.Latest-c.Opened)))
		}
	}
	if h.Dialed != "" {
		out = append(out, "dialed "+h.Dialed)
	}
	if len(out) == 0 {
		return ""
	}
	return "  " + strings.Join(out, "  ")
}
