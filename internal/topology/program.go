package topology

import (
	"path"
	"strings"
)

// Program names what a node runs and where, so that it is the same after a
// restart and of each of its processes:
//
//   - what: the executable's path; of an interpreter also its script; of an
//     executable that was started by another name, also that name
//   - where: the workload or pod with its namespace and container; else the
//     container by its name, else by its image; else the systemd unit, if
//     that is one that stays; else the network namespace, if it has a name
//
// Pids, container ids, addresses of processes, owners and arguments are not in
// it. The host is not in it either: a map has one. An address is itself, one that
// is known to be of a pod is the pod's workload.
func (n *Node) Program() string {
	a := &n.Attributes
	switch n.Kind {
	case KindAddress:
		if a.Workload() != "" {
			return "address: in " + a.where()
		}
		return "address:" + n.Name + a.netns()
	case KindKernel:
		return "kernel" + a.netns()
	case KindGroup:
		if name := a.where(); name != "" && a.ContainerID != "" {
			return "program: in " + name // its id is of this start only
		}
		return n.ID
	}
	what := a.ExecutablePath
	script := a.script()
	switch {
	case what == "":
		what = n.Name
	case script == "" && n.Name != path.Base(what) && n.Name != "":
		what += " as " + n.Name
	}
	if script != "" {
		what += " " + script
	}
	if where := a.where(); where != "" {
		what += " in " + where
	}
	return "program:" + what
}

// netns tells namesakes of several network namespaces apart. An inode is of this
// boot only.
func (a *Attributes) netns() string {
	if a.NetnsName == "" {
		return ""
	}
	return "@" + a.NetnsName
}

func (a *Attributes) where() string {
	switch {
	case a.Workload() != "":
		return "workload " + inside(a.Namespace, a.Workload(), a.Container())
	case a.PodName != "":
		return "pod " + inside(a.Namespace, a.PodName, a.Container())
	case a.Container() != "":
		return "container " + a.Container()
	case a.Image != "":
		return "image " + a.Image
	case a.ContainerID != "":
		return "" // the id and the namespaces are of this start only
	case stays(a.Unit):
		return "unit " + a.Unit + a.netns()
	}
	return a.netns()
}

// inside joins the parts that are known.
func inside(parts ...string) string {
	var known []string
	for _, p := range parts {
		if p != "" {
			known = append(known, p)
		}
	}
	return strings.Join(known, "/")
}

// stays tells units that are named by a person from those that systemd makes up
// for one login or one command.
func stays(unit string) bool {
	return unit != "" && !strings.HasSuffix(unit, ".scope") && !strings.HasPrefix(unit, "run-u") && !strings.HasPrefix(unit, "run-r")
}

// script is what an interpreter runs. Where nobody told, it is the first
// argument, unless that is a flag, of which nobody here knows whether the next
// argument belongs to it.
func (a *Attributes) script() string {
	if a.Script != "" || !interprets(path.Base(a.ExecutablePath)) {
		return a.Script
	}
	if args := strings.Fields(a.CommandLine); len(args) > 1 && !strings.HasPrefix(args[1], "-") {
		return args[1]
	}
	return ""
}

// interprets knows executables that are as many programs as there are scripts.
func interprets(executable string) bool {
	switch strings.TrimRight(executable, "0123456789.") {
	case "python", "pypy", "node", "nodejs", "ruby", "perl", "php", "bash", "sh", "dash", "zsh", "lua", "Rscript":
		return true
	}
	return false
}
