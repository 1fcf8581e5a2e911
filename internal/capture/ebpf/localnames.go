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
	netns flow.NetnsID
	path  string
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
		name := localName{u.socket.Netns, u.socket.Path}
		if _, twice := n.byName[name]; twice {
			cookie = 0
		}
		n.byName[name] = cookie
	}
	return n
}

// find is the socket that a flow's name leads to, 0 if none is known: by the
// file, as the process that named it sees it, because links and mounts give one
// file many names (/dev/log), else by the name itself.
func (n *localNames) find(f *localFlow, procRoot string) uint64 {
	v := &f.value.Flow
	path := unixName(f.value.PeerPath[:], f.value.PeerPathLen)
	if path == "" {
		return 0
	}
	if path[0] != '@' && v.Owner != 0 {
		if cookie := n.byFile[fileOf(path, v.Owner, procRoot)]; cookie != 0 {
			return cookie
		}
	}
	return n.byName[localName{netnsID(v.Netns, v.NetnsInode), path}]
}

// fileOf is the file that path leads to in the process's own root, or from its
// own folder; zero if it cannot be told, or the process is gone.
func fileOf(path string, pid uint32, procRoot string) fileName {
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
