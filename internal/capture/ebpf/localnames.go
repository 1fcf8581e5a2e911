package ebpf

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// localNames are the datagram sockets that have a name, by it and by the file
// it is; 0 where two have the same.
type localNames struct {
	byName map[localName]uint64
	byFile map[fileName]uint64
}

type localName struct {
	netns flow.NetnsID // of an abstract name: each namespace has its own
	path  string
}

func nameIn(netns flow.NetnsID, path string) localName {
	if path[0] != '@' {
		netns = 0
	}
	return localName{netns, path}
}

func (s *Source) namedLocals() localNames {
	n := localNames{byName: map[localName]uint64{}, byFile: map[fileName]uint64{}}
	for cookie, u := range s.locals.bySocket {
		if u.socket.Path == "" || u.socket.Type != flow.UnixDgram {
			continue
		}
		if u.file != (fileName{}) {
			n.byFile[u.file] = cookie // a file is bound once
		}
		name := nameIn(u.socket.Netns, u.socket.Path)
		if _, twice := n.byName[name]; twice {
			cookie = 0
		}
		n.byName[name] = cookie
	}
	return n
}

// find is the socket that a flow's name leads to, 0 if none is known: by the
// file, because links and mounts give one file many names (/dev/log), else by
// the name itself.
func (n *localNames) find(f *localFlow) uint64 {
	if cookie := n.byFile[f.file]; cookie != 0 {
		return cookie
	}
	name := f.peerName()
	if name == "" {
		return 0
	}
	return n.byName[nameIn(netnsID(f.value.Flow.Netns, f.value.Flow.NetnsInode), name)]
}

func (f *localFlow) peerName() string { return unixName(f.value.PeerPath[:], f.value.PeerPathLen) }

// fileOf is the file that path leads to in the process's own root, or from its
// own folder; zero if it is abstract, cannot be told, or the process is gone.
func fileOf(path string, pid uint32, procRoot string) fileName {
	if path == "" || path[0] == '@' || pid == 0 {
		return fileName{}
	}
	from := "root"
	if path[0] != '/' {
		from = "cwd"
	}
	dir, err := unix.Open(fmt.Sprintf("%s/%d/%s", procRoot, pid, from), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fileName{}
	}
	defer unix.Close(dir)
	// Links are followed within that root, not out of it.
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC}
	if from == "root" {
		how.Resolve = unix.RESOLVE_IN_ROOT
	}
	fd, err := unix.Openat2(dir, filepath.Clean(path), &how)
	if err != nil {
		return fileName{}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return fileName{}
	}
	return fileName{st.Dev, st.Ino}
}
