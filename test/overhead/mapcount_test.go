package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// aMap has two edges of TCP, one with an end that is only an address, one with
// roles that are not known, and one that is no TCP.
const aMap = `{"schema":"peerscope.map/v1","capture":{"source":"netlink","rung":"4","interval_ms":250,"lost":{"late":0,"netlink_overrun":2}},
"nodes":[{"id":"process:1@1","kind":"process"},{"id":"process:2@2","kind":"process"},{"id":"address:127.0.0.1","kind":"address"}],
"edges":[
 {"client":"process:1@1","server":"process:2@2","transport":"tcp","connections":{"active":3,"opened":4,"closed":2,"failed":1,"pending":1}},
 {"client":"address:127.0.0.1","server":"process:2@2","transport":"tcp","connections":{"opened":5,"closed":5}},
 {"ends":["process:1@1","process:2@2"],"transport":"tcp","connections":{"opened":1,"closed":1}},
 {"client":"process:1@1","server":"process:2@2","transport":"unix","connections":{"active":9}}]}`

func TestConnectionsOfAMap(t *testing.T) {
	got, err := countMap(strings.NewReader(aMap))
	want := mapCount{opened: 10, closed: 8, active: 3, failed: 1, pending: 1, named: 6, source: "netlink", rung: "4", intervalMS: 250,
		lost: map[string]uint64{"netlink_overrun": 2}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(mapCount{})); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, bad := range []string{"", "{}", `{"schema":"peerscope.map/v2"}`} {
		if _, err := countMap(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestMapThatMissesOrInventsIsSaidLoudly(t *testing.T) {
	count := mapCount{closed: 8, active: 2, lost: map[string]uint64{"late": 3}}
	for truth, want := range map[uint64]string{10: "", 12: "THE MAP MISSES 2", 9: "THE MAP HAS 1 TOO MANY"} {
		var out bytes.Buffer
		r := newReport(&out, "netlink")
		checkMap(r, "here", count, truth)
		if !strings.Contains(out.String(), "the tool says it lost: late 3") {
			t.Errorf("what the tool lost is not said: %s", out.String())
		}
		if want == "" {
			if len(r.problems) != 0 {
				t.Errorf("of %d: got %q, want no problem", truth, r.problems)
			}
			continue
		}
		if len(r.problems) != 1 || !strings.Contains(r.problems[0], want) || !strings.HasPrefix(out.String(), "!!! ") {
			t.Errorf("of %d: got %q, want one with %q", truth, r.problems, want)
		}
	}
}
