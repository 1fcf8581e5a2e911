package filter

import (
	"slices"
	"strings"
)

// kind is what the values of a key are.
type kind uint8

const (
	text     kind = iota // names: a part of it, a glob or a regular expression
	address              // an address, a CIDR, or a glob such as 10.0.*
	integer              // a pid, a port, a status
	count                // how many: 10, 1k; a second: 10/s
	size                 // bytes: 5MB, 1MiB; a second: 5MB/s
	rate                 // how many a second: 5, 5/s
	duration             // 10ms, 2s
	share                // 1%
	word                 // one of a few words
)

// id names a key in the code that looks its facts up.
type id uint8

const (
	ofProc id = iota
	ofPid
	ofCmd
	ofUser
	ofUnit
	ofContainer
	ofImage
	ofPod
	ofNs
	ofWorkload
	ofSvc
	ofNode
	ofHost
	ofIp
	ofCidr
	ofPort
	ofProto
	ofApp
	ofTls
	ofState
	ofDir
	ofPath
	ofBytes
	ofTx
	ofRx
	ofConns
	ofCps
	ofFail
	ofRetx
	ofRtt
	ofIs
	ofHas
	ofNothing // named by the language, and not in any map of this version
)

// key is one key of the language.
type key struct {
	name  string
	id    id
	kind  kind
	ended bool // of an end, so that from: and to: may stand before it
	words []string
}

var keys = [...]key{
	{"proc", ofProc, text, true, nil},
	{"pid", ofPid, integer, true, nil},
	{"cmd", ofCmd, text, true, nil},
	{"user", ofUser, text, true, nil},
	{"unit", ofUnit, text, true, nil},
	{"container", ofContainer, text, true, nil},
	{"image", ofImage, text, true, nil},
	{"pod", ofPod, text, true, nil},
	{"ns", ofNs, text, true, nil},
	{"workload", ofWorkload, text, true, nil},
	{"svc", ofSvc, text, true, nil},
	{"node", ofNode, text, true, nil},
	{"host", ofHost, text, true, nil},
	{"ip", ofIp, address, true, nil},
	{"cidr", ofCidr, address, true, nil},
	{"port", ofPort, integer, true, nil},
	{"proto", ofProto, word, false, []string{"tcp", "udp", "unix"}},
	{"app", ofApp, text, false, nil},
	{"tls", ofTls, word, false, []string{"yes", "no"}},
	{"state", ofState, word, false, []string{"open", "opened", "closed", "failed", "pending"}},
	{"dir", ofDir, word, false, []string{"in", "out", "local"}},
	{"path", ofPath, text, false, nil},
	{"bytes", ofBytes, size, false, nil},
	{"tx", ofTx, size, false, nil},
	{"rx", ofRx, size, false, nil},
	{"conns", ofConns, count, false, nil},
	{"cps", ofCps, rate, false, nil},
	{"fail", ofFail, count, false, nil},
	{"retx", ofRetx, count, false, nil},
	{"rtt", ofRtt, duration, false, nil},
	{"is", ofIs, word, true, []string{"external", "new", "problem", "encrypted", "loopback", "listening", "unknown"}},
	{"has", ofHas, word, false, []string{"l7"}},
	{"dns", ofNothing, text, true, nil},
	{"sni", ofNothing, text, true, nil},
	{"zone", ofNothing, text, true, nil},
	{"method", ofNothing, text, false, nil},
	{"route", ofNothing, text, false, nil},
	{"status", ofNothing, integer, false, nil},
	{"verb", ofNothing, text, false, nil},
	{"topic", ofNothing, text, false, nil},
	{"pps", ofNothing, rate, false, nil},
	{"rps", ofNothing, rate, false, nil},
	{"loss", ofNothing, share, false, nil},
	{"err", ofNothing, share, false, nil},
	{"p50", ofNothing, duration, false, nil},
	{"p95", ofNothing, duration, false, nil},
	{"p99", ofNothing, duration, false, nil},
	{"age", ofNothing, duration, false, nil},
	{"idle", ofNothing, duration, false, nil},
}

// ofEdge are the words of is: that are said of an edge and not of one end.
func ofEdge(flag string) bool {
	return flag == "new" || flag == "problem" || flag == "encrypted"
}

// keyOf finds a key by its name, in any case; nil if there is none.
func keyOf(name string) *key {
	for i := range keys {
		if strings.EqualFold(keys[i].name, name) {
			return &keys[i]
		}
	}
	return nil
}

func keyNames() []string {
	names := []string{"from", "to"}
	for i := range keys {
		names = append(names, keys[i].name)
	}
	return names
}

// Complete offers what a word that was begun may become: keys, and the words of
// keys that have a few. What ends in a colon wants a value.
func Complete(begun string) []string {
	prefix := ""
	for _, p := range []string{"!", "from:", "to:"} {
		if rest, ok := strings.CutPrefix(begun, p); ok {
			prefix, begun = prefix+p, rest
		}
	}
	ended := strings.HasSuffix(prefix, ":")
	var offers []string
	if name, _, ok := strings.Cut(begun, ":"); ok {
		if k := keyOf(name); k != nil {
			for _, w := range k.words {
				if !ended || k.id != ofIs || !ofEdge(w) {
					offers = append(offers, k.name+":"+w)
				}
			}
		}
	} else {
		for i := range keys {
			if k := &keys[i]; k.id != ofNothing && (!ended || k.ended) {
				offers = append(offers, k.name+":")
			}
		}
		if !ended {
			offers = append(offers, "from:", "to:")
		}
	}
	var out []string
	for _, o := range offers {
		if strings.HasPrefix(o, begun) {
			out = append(out, prefix+o)
		}
	}
	slices.Sort(out)
	return out
}
