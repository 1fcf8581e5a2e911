package view

import "peerscope/internal/topology"

// Schema names the format of Graph; fields may be added within v1, no meaning changes.
const Schema = "peerscope.graph/v1"

// Graph is what is shown of one map. Nodes, Edges and Groups are sorted by ID.
// What is unknown is absent, never zero.
type Graph struct {
	Schema  string           `json:"schema"`
	Host    topology.Host    `json:"host"`
	Window  topology.Window  `json:"window"`
	Capture topology.Capture `json:"capture"`
	Level   string           `json:"level"`
	// Levels are how many nodes the edges that are shown have at each level.
	Levels  map[string]int `json:"levels"`
	Total   Size           `json:"total"`   // of the map, at this level
	Matched Size           `json:"matched"` // what the filter and the rules leave
	// Truncated are those of Matched that are no node or edge of their own, but in
	// a bundle; nil: none.
	Truncated *Size    `json:"truncated,omitempty"`
	Hidden    []Hidden `json:"hidden"`
	Nodes     []Node   `json:"nodes"`
	Edges     []Edge   `json:"edges"`
	Groups    []Group  `json:"groups"`
	Before    *Before  `json:"before,omitempty"` // of a comparison
}

// Size counts nodes and edges.
type Size struct {
	Nodes int `json:"nodes"`
	Edges int `json:"edges"`
}

// Hidden is what one rule leaves out, in the numbers of this level.
type Hidden struct {
	Rule  string `json:"rule"`
	Text  string `json:"text"`
	Nodes int    `json:"nodes,omitempty"` // that nobody talks to
	Edges int    `json:"edges,omitempty"`
}

// Before is the map that a comparison begins with.
type Before struct {
	Host   topology.Host   `json:"host"`
	Window topology.Window `json:"window"`
	Total  Size            `json:"total"`
}

// The kinds of nodes that a map does not have itself; see topology for the others.
const (
	KindProgram   = "program"
	KindContainer = "container" // or a systemd unit
	KindPod       = "pod"
	KindWorkload  = "workload"
	KindHost      = "host"
	KindNamespace = "namespace"
	KindBundle    = "bundle" // several nodes for which there is no room
)

// The roles of nodes.
const (
	RoleClient    = "client" // it calls, and nobody was seen to call it
	RoleServer    = "server"
	RoleBoth      = "both"
	RoleExternal  = "external"  // an address of no observed namespace
	RoleDatastore = "datastore" // by its protocol, well-known name or port: see Node.RoleReason
)

// Node is one box of the picture.
type Node struct {
	ID         string            `json:"id"`
	Kind       string            `json:"kind"`
	Name       string            `json:"name"`
	Subtitle   string            `json:"subtitle,omitempty"`
	Place      string            `json:"place,omitempty"` // container, unit, pod or namespace, in words
	Group      string            `json:"group,omitempty"` // id of the box around it
	Role       string            `json:"role,omitempty"`  // absent: none is known
	RoleReason string            `json:"role_reason,omitempty"`
	Processes  int               `json:"processes,omitempty"`
	PIDs       []int32           `json:"pids,omitempty"` // the first MostPIDs of them
	Listens    []topology.Listen `json:"listens,omitempty"`
	// BytesPerSecond are both directions of all its edges, those to itself once.
	BytesPerSecond *float64            `json:"bytes_per_second,omitempty"`
	Health         Health              `json:"health"`
	Reasons        []string            `json:"reasons,omitempty"`
	Unknown        bool                `json:"unknown,omitempty"` // the process is not known, though it may be of this host
	Exited         bool                `json:"exited,omitempty"`  // all its processes ended
	Attributes     topology.Attributes `json:"attributes"`
	Members        []string            `json:"members,omitempty"` // node ids: of a bundle at this level, else processes
	Sentence       string              `json:"sentence"`
	Change         string              `json:"change,omitempty"` // of a comparison

	X    *float64 `json:"x,omitempty"` // of its upper left corner, with W, H and Rank: absent without a layout
	Y    *float64 `json:"y,omitempty"`
	W    float64  `json:"w,omitempty"`
	H    float64  `json:"h,omitempty"`
	Rank *int     `json:"rank,omitempty"` // column, from the left
}

// Edge is one line of the picture: from who calls to who is called, or between
// two ends of which that is not known. Rates are per second of the window;
// absent where it has no length. Of two ends tx is first to second.
type Edge struct {
	ID         string   `json:"id"`
	Client     string   `json:"client,omitempty"`
	Server     string   `json:"server,omitempty"`
	Ends       []string `json:"ends,omitempty"`
	Transport  string   `json:"transport,omitempty"` // absent: several
	ServerPort uint16   `json:"server_port,omitempty"`
	EndPorts   []uint16 `json:"end_ports,omitempty"`
	Path       string   `json:"path,omitempty"`
	Dialed     []string `json:"dialed,omitempty"`
	Services   []string `json:"services,omitempty"`
	Label      string   `json:"label"`
	Bundle     int      `json:"bundle,omitempty"` // how many edges it stands for; absent: one

	Tx          *float64             `json:"tx,omitempty"` // bytes a second
	Rx          *float64             `json:"rx,omitempty"`
	Active      uint64               `json:"active"`
	Opened      *float64             `json:"opened,omitempty"`
	Closed      *float64             `json:"closed,omitempty"`
	Failed      *float64             `json:"failed,omitempty"`
	Retransmits *float64             `json:"retransmits,omitempty"` // segments a second, both directions
	Bytes       *Bytes               `json:"bytes,omitempty"`       // of the window
	Connections topology.Connections `json:"connections"`           // of the window
	RTT         *Times               `json:"rtt,omitempty"`
	Connect     *Times               `json:"connect,omitempty"`
	Errors      map[string]uint64    `json:"errors,omitempty"`
	Health      Health               `json:"health"`
	Reasons     []string             `json:"reasons,omitempty"`
	Protocols   []topology.Protocol  `json:"protocols,omitempty"` // those that are known
	TLS         *bool                `json:"tls,omitempty"`       // of all its connections; false: some are known to be without
	Quality     Quality              `json:"quality"`
	Candidates  map[string][]string  `json:"candidates,omitempty"` // names, of an end that could be several
	Holders     map[string][]string  `json:"holders,omitempty"`    // names of others that hold an end's socket
	Inexact     []string             `json:"inexact,omitempty"`
	Since       int64                `json:"since,omitempty"` // Unix milliseconds; for who knows it to fill in
	Sentence    string               `json:"sentence"`
	Change      string               `json:"change,omitempty"`  // of a comparison
	Changes     []string             `json:"changes,omitempty"` // what changed, in words
	// Route are points [x, y] that its line passes from client to server, or from
	// first to second, where a straight one would lead below other nodes.
	Route [][2]float64 `json:"route,omitempty"`
}

// Bytes of the window; a direction that nobody could count is nil.
type Bytes struct {
	Tx *uint64 `json:"tx,omitempty"`
	Rx *uint64 `json:"rx,omitempty"`
}

// Times are in seconds.
type Times struct {
	Mean float64  `json:"mean"`
	P95  *float64 `json:"p95,omitempty"`
	Max  float64  `json:"max"`
}

// Quality is how well each end is known: exact, joined, inferred, unknown.
type Quality struct {
	Client string `json:"client,omitempty"`
	Server string `json:"server,omitempty"`
	First  string `json:"first,omitempty"` // of Ends
	Second string `json:"second,omitempty"`
}

// Group is a box around nodes.
type Group struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Kind  string   `json:"kind"` // one of Groups
	Nodes []string `json:"nodes"`
	X     *float64 `json:"x,omitempty"`
	Y     *float64 `json:"y,omitempty"`
	W     float64  `json:"w,omitempty"`
	H     float64  `json:"h,omitempty"`
}
