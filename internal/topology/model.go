package topology

import "peerscope/internal/flow"

// Schema names the format of Map; fields may be added within v1, no meaning changes.
const Schema = "peerscope.map/v1"

// Map is one window of traffic: who talked to whom. It is the format that
// `peerscope map -o json` prints. Nodes and Edges are sorted by ID. What is
// unknown is absent, never zero.
type Map struct {
	Schema  string  `json:"schema"`
	Host    Host    `json:"host"`
	Window  Window  `json:"window"`
	Capture Capture `json:"capture"`
	Nodes   []Node  `json:"nodes"`
	Edges   []Edge  `json:"edges"`
	// Logical are there only where they were asked for; nil: they were not. They
	// are sorted by ID.
	Logical []Logical `json:"logical,omitzero"`
}

// Host is the machine the map was taken on.
type Host struct {
	Name   string `json:"host.name"`
	ID     string `json:"host.id,omitempty"`
	BootID string `json:"boot_id,omitempty"`
	Kernel string `json:"os.version,omitempty"`
}

// Window is [Start, End) in RFC 3339 with milliseconds, UTC.
type Window struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

// Capture says how the map was taken, what could not be seen and what was lost.
type Capture struct {
	Source     string            `json:"source"`
	Rung       string            `json:"rung"`
	IntervalMS int64             `json:"interval_ms"` // between looks, as it really was; 0 where events tell
	Degraded   []Degraded        `json:"degraded"`
	Lost       map[string]uint64 `json:"lost"` // by reason, zeros present
	// Completeness is the share of the kernel's own total that the map holds, cut
	// off after four decimals, so that only what is complete is 1; absent where
	// there is no total to compare with.
	Completeness *float64     `json:"completeness,omitempty"`
	Totals       flow.Totals  `json:"-"` // what Completeness is made of, to be merged
	Unattributed Unattributed `json:"unattributed"`
}

// Degraded is one thing that could not be seen here, why, and the fix.
type Degraded struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Fix    string `json:"fix,omitempty"`
}

// Unattributed counts what no end of which has a process.
type Unattributed struct {
	Connections uint64 `json:"connections"`
	Bytes       uint64 `json:"bytes"`
}

// Node kinds.
const (
	KindProcess = "process"
	KindAddress = "address" // an address without a process; Attributes.AddressLocal tells whose
	KindKernel  = "kernel"
	KindGroup   = "group" // several nodes as one, made by Group
)

// Node is one end of edges.
type Node struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"`
	Name       string     `json:"name"`
	Attributes Attributes `json:"attributes"`
}

// Listen is one socket a process listens on.
type Listen struct {
	Transport    string `json:"transport"`
	Address      string `json:"address,omitempty"`
	Port         uint16 `json:"port,omitempty"`
	Path         string `json:"path,omitempty"` // unix
	Backlog      uint32 `json:"backlog"`        // connections that wait for accept
	BacklogLimit uint32 `json:"backlog_limit"`
}

// Edge is the traffic of one client process with one server process over one
// transport and server port (or path). An edge whose roles are not known has
// Ends instead of Client and Server.
type Edge struct {
	ID         string   `json:"id"`
	Client     string   `json:"client,omitempty"` // node id
	Server     string   `json:"server,omitempty"`
	Ends       []string `json:"ends,omitempty"` // two node ids, sorted
	Transport  string   `json:"transport"`
	ServerPort uint16   `json:"server_port,omitempty"` // that the server's socket really has
	EndPorts   []uint16 `json:"end_ports,omitempty"`   // of Ends, in their order
	Path       string   `json:"path,omitempty"`
	Dialed     []string `json:"dialed,omitempty"` // what clients asked for, where it differs
	// Services are those of Kubernetes that clients called, as namespace/name.
	Services []string `json:"services,omitempty"`

	Evidence   Evidence            `json:"evidence"`
	Candidates map[string][]string `json:"candidates,omitempty"` // of an ambiguous end: "client" or "server", "first" or "second" of Ends
	Holders    map[string][]string `json:"holders,omitempty"`    // others that hold the socket too

	Connections Connections       `json:"connections"`
	Errors      map[string]uint64 `json:"errors,omitempty"` // of the failed connects
	Bytes       *Bytes            `json:"bytes,omitempty"`
	Inexact     []string          `json:"inexact,omitempty"`
	RTT         *Stat             `json:"rtt_us,omitempty"`
	Connect     *Stat             `json:"connect_us,omitempty"`
	Retransmits *Bytes            `json:"retransmits,omitempty"` // segments
	Protocols   []Protocol        `json:"protocols,omitempty"`
	Sides       *Sides            `json:"sides,omitempty"`

	open Evidence // of the connections that are open or pending at the window's end
	idle bool     // known: nothing happened on it in the window
}

// Evidence counts an edge's connections by the grounds they stand on.
type Evidence struct {
	Peer map[string]uint64 `json:"peer,omitempty"`
	Role map[string]uint64 `json:"role,omitempty"`
}

// Connections counts within the window; Active is at its end.
type Connections struct {
	Active  uint64 `json:"active"`
	Opened  uint64 `json:"opened"`
	Closed  uint64 `json:"closed"`
	Failed  uint64 `json:"failed"`
	Pending uint64 `json:"pending"`
}

// Bytes counts the two directions of an edge: by role where it is known, by
// the order of Ends where it is not. A direction that nobody could count is nil.
type Bytes struct {
	ToServer      *uint64 `json:"to_server,omitempty"`
	ToClient      *uint64 `json:"to_client,omitempty"`
	FirstToSecond *uint64 `json:"first_to_second,omitempty"`
	SecondToFirst *uint64 `json:"second_to_first,omitempty"`
}

// Protocol is one row of an edge's breakdown; without a Name it is what is not
// known yet.
type Protocol struct {
	Name        string `json:"name,omitempty"`
	TLS         *bool  `json:"tls,omitempty"`
	Connections uint64 `json:"connections"`
}

// Sides are what the sockets of each end counted, where they were observed.
type Sides struct {
	Client *Bytes `json:"client,omitempty"`
	Server *Bytes `json:"server,omitempty"`
	First  *Bytes `json:"first,omitempty"`
	Second *Bytes `json:"second,omitempty"`
}
