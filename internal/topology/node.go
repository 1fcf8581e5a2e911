package topology

import (
	"path"
	"strconv"

	"peerscope/internal/flow"
)

// nodeOf writes a node down: its id, its name and what is known of it.
func nodeOf(n flow.Node) Node {
	switch n.Kind {
	case flow.NodeProcess:
		return processNode(n)
	case flow.NodeKernel:
		return Node{ID: "kernel:" + strconv.FormatUint(n.Netns, 10), Kind: KindKernel, Name: "kernel",
			Attributes: Attributes{NetnsInode: n.Netns, NetnsName: n.NetnsName}}
	}
	addr := "unknown"
	out := Node{Kind: KindAddress, Attributes: Attributes{AddressLocal: n.Local, NetnsInode: n.Netns, NetnsName: n.NetnsName}}
	if n.Addr.IsValid() {
		addr = n.Addr.String()
		out.Attributes.PeerAddress = addr
	}
	out.ID, out.Name = "address:"+addr, addr
	if n.Netns != 0 {
		out.ID += "@netns:" + strconv.FormatUint(n.Netns, 10)
	}
	return out
}

func processNode(n flow.Node) Node {
	p := &n.Process
	out := Node{ID: "process:" + p.Key.String(), Kind: KindProcess, Name: p.Name, Attributes: Attributes{
		PID: p.Key.PID, VPID: p.VPID, ExecutablePath: p.Executable, CommandLine: p.CommandLine,
		Interpreter: p.Interpreter, Script: p.Script, Owner: p.Owner, ParentPID: p.Parent, Cgroup: p.Cgroup, Unit: p.Unit,
		ContainerID: p.Container, Runtime: p.Runtime, ContainerName: p.ContainerName, Image: p.Image, ImageTags: p.ImageTags,
		ContainerLabels: labelMap(p.ContainerLabels), NetnsInode: p.NetnsInode, NetnsName: n.NetnsName, Exited: n.Exited}}
	out.Attributes.setPod(&p.Pod)
	out.Attributes.setEntities(p.Entities)
	if n.Exited {
		out.Attributes.setExit(&n.Exit)
	}
	if p.Created != 0 {
		out.Attributes.Created = p.Created.Stamp()
	}
	if p.Executable != "" {
		out.Attributes.ExecutableName = path.Base(p.Executable)
	}
	if out.Name == "" {
		out.Name = "pid " + strconv.Itoa(int(p.Key.PID))
	}
	for _, l := range n.Listens {
		w := Listen{Transport: l.Transport.String(), Port: l.Port, Path: l.Path, Backlog: l.Backlog, BacklogLimit: l.Limit}
		if l.Addr.IsValid() {
			w.Address = l.Addr.String()
		}
		out.Attributes.Listens = append(out.Attributes.Listens, w)
	}
	return out
}
