package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"peerscope/internal/filter"
)

// DefaultLimit is how many nodes a picture for people has.
const DefaultLimit = 60

// MostPIDs is how many pids a node lists.
const MostPIDs = 20

// The levels, from fine to coarse. What has no name at a level is what it is at
// the nearest finer one that names it.
const (
	LevelProcess   = "process"
	LevelProgram   = "program"   // what runs in one place, whatever its pids
	LevelContainer = "container" // or systemd unit
	LevelPod       = "pod"
	LevelWorkload  = "workload"
	LevelHost      = "host"
	LevelNamespace = "namespace" // of Kubernetes, or a network namespace with a name
)

// Levels are all of them, in the order people are offered them.
func Levels() []string {
	return []string{LevelProcess, LevelProgram, LevelContainer, LevelPod, LevelWorkload, LevelHost, LevelNamespace}
}

// The boxes that nodes can be put in.
const (
	GroupNone      = "none"
	GroupHost      = "host"
	GroupNamespace = "namespace"
	GroupContainer = "container" // or systemd unit
)

// Groups are all kinds of boxes.
func Groups() []string { return []string{GroupHost, GroupNamespace, GroupContainer, GroupNone} }

// Options are what a person asked for. The zero value shows programs in boxes
// by host, without noise and without a limit.
type Options struct {
	Level        string       // one of Levels; empty: program
	Group        string       // one of Groups; empty: host
	Filter       *filter.Expr // nil: everything
	OnlyProblems bool         // edges that are neither ok nor idle
	ShowNoise    bool         // what the rules hide, too
	ShowIdle     bool         // also what waits for peers and nobody calls; not with a filter or OnlyProblems
	Limit        int          // nodes beside bundles; 0: all
	// Length is how long was really observed, where that is not the window's own
	// length, as there are gaps in it; 0: the window's.
	Length time.Duration
	// Keep are nodes that a limit should rather keep, as they were shown before.
	Keep map[string]bool
}

// Check fails on a level or group that there is not, or a negative limit.
func (o *Options) Check() error {
	if o.Level != "" && !slices.Contains(Levels(), o.Level) {
		return fmt.Errorf("unknown level %.40q: it is one of %s", o.Level, strings.Join(Levels(), ", "))
	}
	if o.Group != "" && !slices.Contains(Groups(), o.Group) {
		return fmt.Errorf("unknown group %.40q: it is one of %s", o.Group, strings.Join(Groups(), ", "))
	}
	if o.Limit < 0 {
		return fmt.Errorf("limit %d is negative: give how many nodes are wanted, 0 for all", o.Limit)
	}
	return nil
}

// filled are the options with their defaults; what is not known is the default.
func (o Options) filled() Options {
	if !slices.Contains(Levels(), o.Level) {
		o.Level = LevelProgram
	}
	if !slices.Contains(Groups(), o.Group) {
		o.Group = GroupHost
	}
	return o
}
