package metrics

import (
	"fmt"
	"time"
)

// SeriesConfig bounds the series and chooses their labels. DefaultSeries has
// what is meant for most.
type SeriesConfig struct {
	// MaxEdges is how many edges between programs have series of their own; the
	// others are added to those called ~other.
	MaxEdges int `json:"max_edges" yaml:"max_edges"`
	// MinAge is how long a program must be there before it has series; 0: it has
	// them at once.
	MinAge time.Duration `json:"min_age" yaml:"min_age"`
	// MaxExternalNames is how many names or addresses of others one program may
	// have beside itself.
	MaxExternalNames int `json:"max_external_names_per_client" yaml:"max_external_names_per_client"`
	// Expire is after how long without any traffic or open connection a series
	// is no longer shown.
	Expire time.Duration `json:"expire" yaml:"expire"`
	// PID gives each process series of its own.
	PID bool `json:"pid" yaml:"pid"`
	// Addresses is which ends that are no process are told apart by their
	// address: "none", "servers" or "all".
	Addresses string `json:"addresses" yaml:"addresses"`
	// Paths tells unix sockets apart by their path.
	Paths bool `json:"paths" yaml:"paths"`
	// ServiceGraph adds the two metrics that Grafana draws a service graph of.
	ServiceGraph bool `json:"service_graph" yaml:"service_graph"`
}

// The words of SeriesConfig.Addresses.
const (
	AddressesNone    = "none"
	AddressesServers = "servers"
	AddressesAll     = "all"
)

// DefaultSeries is one node a program, and room for 5,000 edges: what the agent does
// where its configuration says nothing, for programs that have none.
func DefaultSeries() SeriesConfig {
	return SeriesConfig{MaxEdges: 5000, MinAge: 30 * time.Second, MaxExternalNames: 50, Expire: 15 * time.Minute, Addresses: AddressesNone}
}

// Validate says in one line what is wrong, and what would be right.
func (c SeriesConfig) Validate() error {
	switch {
	case c.MaxEdges < 1 || c.MaxEdges > 1_000_000:
		return fmt.Errorf("max_edges is %d: give a number from 1 to 1000000", c.MaxEdges)
	case c.MinAge < 0 || c.MinAge > time.Hour:
		return fmt.Errorf("min_age is %v: give a time from 0 to 1h", c.MinAge)
	case c.MaxExternalNames < 1:
		return fmt.Errorf("max_external_names_per_client is %d: give a number from 1", c.MaxExternalNames)
	case c.Expire < time.Minute:
		return fmt.Errorf("expire is %v: give a time from 1m, longer than the receiver's interval", c.Expire)
	case c.Addresses != AddressesNone && c.Addresses != AddressesServers && c.Addresses != AddressesAll:
		return fmt.Errorf("addresses is %q: it is one of none, servers, all", c.Addresses)
	}
	return nil
}
