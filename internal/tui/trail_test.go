package tui

import (
	"testing"
	"time"
)

func TestTrail(t *testing.T) {
	var tr trail
	if _, ok := tr.at(1); ok {
		t.Error("what never was has a past")
	}
	tr.put(5, sample{tx: 10, known: knownTx})
	tr.put(8, sample{tx: 30, known: knownTx})
	f := func(tick int, want float32, known bool) {
		t.Helper()
		s, ok := tr.at(tick)
		if ok != known || s.tx != want {
			t.Errorf("tick %d: %v known %v, want %v known %v", tick, s.tx, ok, want, known)
		}
	}
	f(4, 0, false)
	f(5, 10, true)
	f(6, 0, true) // idle
	f(8, 30, true)
	f(9, 0, true) // over, and idle since
	tr.put(8+kept, sample{tx: 70, known: knownTx})
	f(8, 0, false) // forgotten
	f(9, 0, true)
	f(8+kept, 70, true)

	var other, sum trail
	other.put(3, sample{tx: 1, rtt: 5, known: knownTx | knownRTT})
	other.put(8+kept, sample{tx: 2, failed: 4, known: knownTx})
	sum.join(&tr, 8+kept)
	sum.join(&other, 8+kept)
	if s, _ := sum.at(8 + kept); s.tx != 72 || s.failed != 4 {
		t.Errorf("joined: %+v, want 72 bytes and 4 failed", s)
	}
	if sum.first != 3 {
		t.Errorf("joined: first tick %d, want 3", sum.first)
	}
}

func TestFiguresAreNarrow(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{amount(0), "0B"}, {amount(999), "999B"}, {amount(1000), "1.0kB"}, {amount(99_950), "100kB"}, {amount(999_499), "999kB"}, {amount(999_500), "1.0MB"},
		{amount(1 << 62), "4.6EB"}, {seconds(0.000_0451, "µ"), "45µs"}, {seconds(0.0011, "u"), "1.1ms"}, {seconds(0.187, "u"), "187ms"}, {seconds(12.34, "u"), "12.3s"},
		{perSecond(0.3), "0.3"}, {perSecond(14), "14"}, {perSecond(12_340), "12.3k"}, {count(99_999), "99999"}, {count(1_234_567), "1.2M"},
		{lasting(8 * time.Second), "8s"}, {lasting(151 * time.Second), "2m31s"}, {lasting(2 * time.Minute), "2m"}, {lasting(90 * time.Minute), "1h30m"}, {lasting(time.Hour), "1h"},
		{errorWord(map[string]uint64{"ECONNREFUSED": 3, "ETIMEDOUT": 2}), "refused"}, {errorWord(nil), "failed"}, {errorWord(map[string]uint64{"EPERM": 1}), "EPERM"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
