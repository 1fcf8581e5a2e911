package tui

import (
	"errors"
	"strings"
	"testing"
)

func webAt(url string) func() (string, error) { return func() (string, error) { return url, nil } }

// TestWebHasTheSameState: the address carries what is shown, and says it again.
func TestWebHasTheSameState(t *testing.T) {
	const at = "http://127.0.0.1:4180/"
	f := func(want string, keys ...string) {
		t.Helper()
		p := play(Config{Web: webAt(at)}, shop(), 100, 24).ticks(3).keys(append([]string{"w"}, keys...)...).keys("w")
		if got, ok := strings.CutPrefix(p.message, "web view: "+at); !ok || got != want {
			t.Errorf("after %q the message is %q, want the fragment %q", keys, p.message, want)
		}
	}
	f("")
	f("#level=process", "1")
	f("#noise=1&problems=1", "e", "N")
	f("#filter=to%3Aport%3A6379+tcp", "/", "to:port:6379 tcp", "enter")
	p := play(Config{Web: webAt(at)}, shop(), 100, 24).ticks(3).keys("enter", "w")
	if want := at + "#sel=e%3A"; !strings.Contains(p.message, want) {
		t.Errorf("with an explanation open the message is %q, want %q", p.message, want)
	}
	p = play(Config{Web: webAt(at)}, shop(), 100, 24).ticks(3).keys("w").ticks(5).keys("p").ticks(3).keys("w")
	if want := at + "#at=1767323052000"; !strings.Contains(p.message, want) {
		t.Errorf("paused the message is %q, want %q", p.message, want)
	}
	for width, want := range map[int]string{60: at + "#filter=nginx+or+proc%3Acheckout", 50: "web view: " + at, 30: at} {
		p := play(Config{Web: webAt(at)}, shop(), width, 24).ticks(3).keys("/", "nginx or proc:checkout", "enter", "w")
		if p.message != want {
			t.Errorf("on %d columns the message is %q, want %q", width, p.message, want)
		}
	}
	if p = play(Config{Web: webAt(at)}, shop(), 100, 24).ticks(3).keys("p").ticks(3).keys("w"); strings.Contains(p.message, "at=") {
		t.Errorf("%q leads to a time before the web view was open", p.message)
	}
}

// TestWebIsOpenedOnce: and an error is said, after which one may try again.
func TestWebIsOpenedOnce(t *testing.T) {
	calls, fails := 0, errors.New("no room")
	p := play(Config{Web: func() (string, error) { calls++; return "http://x/", fails }}, shop(), 100, 24).keys("w")
	if calls != 0 || !strings.Contains(p.message, "when there are rows") {
		t.Errorf("before the first map: %d calls, %q", calls, p.message)
	}
	p.ticks(1).keys("w")
	if want := "the web view cannot be opened: no room"; p.message != want || calls != 1 {
		t.Errorf("%d calls, message %q, want %q", calls, p.message, want)
	}
	fails = nil
	p.keys("w", "w", "w")
	if calls != 2 || p.message != "web view: http://x/" {
		t.Errorf("%d calls, want 2; message %q", calls, p.message)
	}
}
