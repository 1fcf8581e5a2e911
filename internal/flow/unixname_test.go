package flow

import "testing"

// TestUnixName: a name is text, and plays no tricks on a terminal.
func TestUnixName(t *testing.T) {
	f := func(raw, want string) {
		t.Helper()
		if got := UnixName([]byte(raw)); got != want {
			t.Errorf("UnixName(%q) = %q, want %q", raw, got, want)
		}
	}
	f("", "")
	f("/run/x.sock\x00", "/run/x.sock")
	f("/run/x.sock", "/run/x.sock") // 108 bytes leave no room for the NUL
	f("\x00", "@")
	f("\x00abstract", "@abstract")
	f("\x00abstract\x00", `@abstract\x00`) // every byte of an abstract name counts
	f("\x00a\x00b", `@a\x00b`)
	f("@relative\x00", "./@relative")
	f("/run/foo\\x2dbar.sock\x00", `/run/foo\x2dbar.sock`)
	f("/tmp/\x1b[31mred\x00", `/tmp/\x1b[31mred`)
	f("/tmp/\xffé\x7f\x00", `/tmp/\xffé\x7f`)
	f("/tmp/\u202egpj.exe\x00", `/tmp/\u202egpj.exe`)
}
