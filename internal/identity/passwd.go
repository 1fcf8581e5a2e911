package identity

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"peerscope/internal/flow"
)

// maxPasswd bounds how much of the user list is read.
const maxPasswd = 16 << 20

// passwdCheck is how often the user list's modification time is looked at.
const passwdCheck = flow.Time(time.Second)

// users are the names of /etc/passwd. The system's name service is not asked:
// it needs cgo, and may ask the network, which would show in the map.
type users struct {
	path     string
	names    map[uint32]string
	homes    map[uint32]string
	modified time.Time
	checked  flow.Time
}

// name is the user's name, else its number.
func (u *users) name(uid uint32, now flow.Time) string {
	u.check(now)
	if n, ok := u.names[uid]; ok {
		return n
	}
	return strconv.FormatUint(uint64(uid), 10)
}

// home is the user's home directory; empty if it is not known or no such path.
func (u *users) home(uid uint32, now flow.Time) string {
	u.check(now)
	if home := u.homes[uid]; filepath.IsAbs(home) {
		return filepath.Clean(home)
	}
	return ""
}

func (u *users) check(now flow.Time) {
	if u.names == nil || isApart(now, u.checked, passwdCheck) {
		u.refresh()
		u.checked = now
	}
}

// isApart reports whether two times differ by at least d. Records of several
// processors come a little out of order; a clock that was set back must not
// stop what is done every d.
func isApart(a, b, d flow.Time) bool { return a-b >= d || b-a >= d }

// refresh reads the list if it has changed. One that cannot be read leaves the
// names as they were.
func (u *users) refresh() {
	if u.names == nil {
		u.names = map[uint32]string{}
	}
	file, err := os.Stat(u.path)
	if err != nil || file.ModTime().Equal(u.modified) {
		return
	}
	f, err := os.Open(u.path)
	if err != nil {
		return
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPasswd))
	if err != nil {
		return
	}
	u.names, u.homes = parsePasswd(b)
	u.modified = file.ModTime()
}

// parsePasswd reads lines of name:password:uid:gid:comment:home:shell
// (passwd(5)). Of several users with one number the first counts, as in
// getpwuid(3).
func parsePasswd(b []byte) (names, homes map[uint32]string) {
	names, homes = map[uint32]string{}, map[uint32]string{}
	for line := range bytes.Lines(b) {
		name, rest, _ := bytes.Cut(bytes.TrimRight(line, "\n"), []byte{':'})
		_, rest, _ = bytes.Cut(rest, []byte{':'})
		number, rest, ok := bytes.Cut(rest, []byte{':'})
		n, valid := parseUint(number)
		if !ok || !valid || n > 1<<32-1 || len(name) == 0 || name[0] == '#' {
			continue
		}
		if _, ok := names[uint32(n)]; ok {
			continue
		}
		names[uint32(n)] = printable(string(name))
		if fields := bytes.SplitN(rest, []byte{':'}, 4); len(fields) > 2 { // gid, comment, home
			homes[uint32(n)] = string(fields[2])
		}
	}
	return names, homes
}
