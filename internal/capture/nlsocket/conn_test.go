package nlsocket

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestAnswersEndAndFail(t *testing.T) {
	refuse := errors.New("refused by the caller")
	f := func(name string, reads [][]byte, wantTaken []string, wantDone bool, want error) {
		t.Helper()
		var got []string
		a := answers{seq: 7, each: func(_ uint16, payload []byte) error {
			if string(payload) == "stop" {
				return refuse
			}
			got = append(got, string(payload))
			return nil
		}}
		for _, b := range reads {
			if err := a.take(b); err != nil {
				a.failed = err
			}
		}
		if d := cmp.Diff(wantTaken, got); d != "" || a.done != wantDone || !errors.Is(a.err(), want) {
			t.Errorf("%s: done %v, want %v; error %v, want %v; payloads (-want +got):\n%s", name, a.done, wantDone, a.err(), want, d)
		}
	}
	data := func(s string) []byte { return rawMessage(20, unix.NLM_F_MULTI, 7, []byte(s)) }
	done := rawMessage(unix.NLMSG_DONE, unix.NLM_F_MULTI, 7, errnoPayload(0))
	f("two reads", [][]byte{append(data("a"), data("b")...), done}, []string{"a", "b"}, true, nil)
	f("not over", [][]byte{data("a")}, []string{"a"}, false, nil)
	f("nothing after the end", [][]byte{append(done, data("a")...)}, nil, true, nil)
	f("acknowledged", [][]byte{rawMessage(unix.NLMSG_ERROR, 0, 7, errnoPayload(0))}, nil, true, nil)
	f("refused", [][]byte{rawMessage(unix.NLMSG_ERROR, 0, 7, errnoPayload(unix.EPERM))}, nil, true, unix.EPERM)
	f("failed halfway", [][]byte{data("a"), rawMessage(unix.NLMSG_DONE, 0, 7, errnoPayload(unix.ENOMEM))}, []string{"a"}, true, unix.ENOMEM)
	f("read to the end after the caller's error", [][]byte{data("a"), data("stop"), data("b"), done}, []string{"a"}, true, refuse)
	f("another request's", [][]byte{rawMessage(20, 0, 6, []byte("old")), done}, nil, true, nil)
	f("another request's end", [][]byte{rawMessage(unix.NLMSG_DONE, 0, 6, nil), data("a"), done}, []string{"a"}, true, nil)
	f("interrupted", [][]byte{rawMessage(20, unix.NLM_F_DUMP_INTR, 7, []byte("a")), done}, []string{"a"}, true, ErrInterrupted)
	f("interrupted at the end", [][]byte{data("a"), rawMessage(unix.NLMSG_DONE, unix.NLM_F_DUMP_INTR, 7, errnoPayload(0))},
		[]string{"a"}, true, ErrInterrupted)
	f("no netlink", [][]byte{{1, 2, 3}}, nil, false, ErrTruncated)
}
