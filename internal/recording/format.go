package recording

import (
	"time"

	"peerscope/internal/flow"
)

const (
	// Format is what the header of every recording calls itself.
	Format = "peerscope.recording"
	// Version is what this package writes, and the newest it reads. It changes
	// only if a field changes its meaning.
	Version = 1
)

// maxLine bounds a line, so that a reader's memory is bounded whatever it is
// given. The longest real one is a namespace with all the addresses of a
// machine that has many.
const maxLine = 16 << 20

// maxHeader bounds the first line.
const maxHeader = 64 << 10

// Header is the first line of a recording.
type Header struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Created time.Time `json:"created"`
	Tool    string    `json:"tool,omitempty"`
}

// Every line of an observation is lineStart, the type's word, lineMiddle, the
// observation, lineEnd: the order is fixed, so that a reader need not parse a
// line twice to learn its type.
const (
	lineStart  = `{"t":"`
	lineMiddle = `","o":`
	lineEnd    = "}\n"
)

// wordOf is the word of an observation's type, empty for one that has none.
func wordOf(o flow.Observation) string {
	switch o.(type) {
	case *flow.Socket:
		return "socket"
	case *flow.UnixSocket:
		return "unix"
	case *flow.Process:
		return "process"
	case *flow.Exit:
		return "exit"
	case *flow.Census:
		return "census"
	case *flow.Handover:
		return "handover"
	case *flow.Namespace:
		return "namespace"
	case *flow.Translation:
		return "translation"
	case *flow.AddressName:
		return "address"
	case *flow.Loss:
		return "loss"
	case *flow.Gap:
		return "gap"
	case *flow.Host:
		return "host"
	case *flow.Capture:
		return "capture"
	case *flow.Window:
		return "window"
	}
	return ""
}

// observationOf is a new observation of the type that has that word, or nil.
func observationOf(word []byte) flow.Observation {
	switch string(word) {
	case "socket":
		return &flow.Socket{}
	case "unix":
		return &flow.UnixSocket{}
	case "process":
		return &flow.Process{}
	case "exit":
		return &flow.Exit{}
	case "census":
		return &flow.Census{}
	case "handover":
		return &flow.Handover{}
	case "namespace":
		return &flow.Namespace{}
	case "translation":
		return &flow.Translation{}
	case "address":
		return &flow.AddressName{}
	case "loss":
		return &flow.Loss{}
	case "gap":
		return &flow.Gap{}
	case "host":
		return &flow.Host{}
	case "capture":
		return &flow.Capture{}
	case "window":
		return &flow.Window{}
	}
	return nil
}
