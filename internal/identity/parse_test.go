package identity

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestStatNameMayHoldAnything(t *testing.T) {
	f := func(line, comm string, parent int32, start uint64) {
		t.Helper()
		got, err := parseStat([]byte(line))
		if err != nil {
			t.Fatalf("parseStat(%q): %v", line, err)
		}
		want := stat{comm: []byte(comm), parent: parent, flags: 4194560, start: start}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(stat{})); diff != "" {
			t.Errorf("parseStat(%q) (-want +got):\n%s", line, diff)
		}
	}
	const rest = " 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 8812345 1 2 3\n"
	f("7 (a) S 4"+rest, "a", 4, 8812345)
	f("7 (a b) S 4"+rest, "a b", 4, 8812345)
	f("7 () S 4"+rest, "", 4, 8812345)
	f("7 (a) R 1 (b) S 4"+rest, "a) R 1 (b", 4, 8812345)
	f("7 (a\nb) S 4"+rest, "a\nb", 4, 8812345)
}

func TestStatRefusesOtherText(t *testing.T) {
	for _, line := range []string{"", "7", "7 (a", ") (", "7 (a)", "7 (a) S 1 1 1", "7 (a) S x 1 1 0 -1 1 1 0 0 0 1 1 0 0 20 0 1 0 5",
		"7 (a) S 1 1 1 0 -1 1 1 0 0 0 1 1 0 0 20 0 1 0 99999999999999999999"} {
		if s, err := parseStat([]byte(line)); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", line, s)
		}
	}
}

func TestStatusTakesEffectiveUserAndInnermostPID(t *testing.T) {
	f := func(text string, want status) {
		t.Helper()
		if diff := cmp.Diff(want, parseStatus([]byte(text)), cmp.AllowUnexported(status{})); diff != "" {
			t.Errorf("parseStatus(%q) (-want +got):\n%s", text, diff)
		}
	}
	f("", status{})
	f("Name:\tx\nTgid:\t12\nUid:\t1\t2\t3\t4\nNSpid:\t12\t5\t7\n", status{tgid: 12, uid: 2, hasUID: true, vpid: 7})
	f("Uid:\t1\nNSpid:\t\nCapEff:\tzz\n", status{})
	f("CapEff:\t0000000000003000\nNoNewPrivs:\t1\nSeccomp:\t2\n", status{effective: 0x3000, noNewPriv: true, seccomp: 2})
	// The kernel writes the name with escapes here, so it cannot make a line.
	f("Name:\ta\\nUid:\t9\t9\nUid:\t0\t0\t0\t0\n", status{hasUID: true})
}

func TestCommandLineIsOneSafeLine(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := readArguments([]byte(in), len(in) >= maxArguments).line(); got != want {
			t.Errorf("commandLine(%.99q) = %.99q, want %.99q", in, got, want)
		}
	}
	f("", "")
	f("\x00\x00", "")
	f("ls\x00-l\x00", "ls -l")
	f("ls\x00\x00-l", "ls  -l")
	f("nginx: worker process\x00\x00\x00", "nginx: worker process")
	f("a\x1b]0;x\x07\x00b\nc\td\re\x7f", `a\x1b]0;x\x07 b\nc\td\re\x7f`)
	f("caf\xe9\x00café\x00\u202ex\u0085\u2028", `caf\xe9 café \u202ex\u0085\u2028`)
	f("\U000e0001�", "\\U000e0001�")
	f("app\x00--password\x00x\ny\x00z", "app --password *** z")

	long := strings.Repeat("é", maxCommandLine)
	f("a\x00"+long[:maxCommandLine], "a "+long[:maxCommandLine-2])
	f("ab\x00"+long[:maxCommandLine], "ab "+long[:maxCommandLine-4])
	// Half of a secret, where reading ended, is not shown.
	hidden := "app\x00--password\x00" + strings.Repeat("p", maxArguments-40) + "\x00postgres://me:hunter2hunter2hunter2hunter2@h/"
	f(hidden[:maxArguments], "app --password *** ***")
	f(strings.Repeat("x", maxArguments), "***")
	// A title in the place of many arguments is complete.
	f("nginx: worker process"+strings.Repeat("\x00", maxArguments), "nginx: worker process")
}

func TestPasswdFirstNameCounts(t *testing.T) {
	got, homes := parsePasswd([]byte("root:x:0:0:root:/root:/bin/sh\ntoor:*:0:0::/:\n#no:x:5:5::/:\nbroken\nshort:x:6\n+:::\n" +
		":x:7:7::/:\nneg:x:-1:0::/:\nbig:x:4294967296:0::/:\nlast:x:4294967295:0:"))
	want := map[uint32]string{0: "root", 4294967295: "last"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parsePasswd (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[uint32]string{0: "/root"}, homes); diff != "" {
		t.Errorf("homes (-want +got):\n%s", diff)
	}
}

func TestHidePIDInTheWordsOfNewKernels(t *testing.T) {
	f := func(options, want string) {
		t.Helper()
		if got := hidePID(options); got != want {
			t.Errorf("hidePID(%q) = %q, want %q", options, got, want)
		}
	}
	f("rw", "off")
	f("rw,hidepid=0", "off")
	f("rw,gid=26,hidepid=1", "noaccess")
	f("rw,hidepid=2", "invisible")
	f("rw,hidepid=4,subset=pid", "ptraceable")
	f("rw,hidepid=invisible", "invisible")
}

func TestCapabilitiesHaveNames(t *testing.T) {
	c := parseCapabilities([]byte("0000020000003400"))
	want := []string{"cap_net_bind_service", "cap_net_admin", "cap_net_raw", "cap_41"}
	if diff := cmp.Diff(want, c.Names()); diff != "" {
		t.Errorf("Names (-want +got):\n%s", diff)
	}
	if !c.Has("cap_net_admin") || c.Has("cap_sys_admin") || c.Has("cap_nonsense") {
		t.Errorf("Has is wrong for %v", c)
	}
	if all := Capabilities(1<<41 - 1); !all.Has("cap_bpf") || !all.Has("cap_perfmon") || all.Names()[40] != "cap_checkpoint_restore" {
		t.Errorf("names are out of order: %v", all)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("7 (a) R 1 (b) S 4 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 8812345 1 2 3\n"))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = parseStat(b) })
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte("Name:\tx\nTgid:\t12\nUid:\t1\t2\t3\t4\nNSpid:\t12\t5\t7\nCapEff:\t1ff\nSeccomp:\t2\n"))
	f.Fuzz(func(t *testing.T, b []byte) { parseStatus(b) })
}

func FuzzParsePasswd(f *testing.F) {
	f.Add([]byte("root:x:0:0:root:/root:/bin/sh\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		names, _ := parsePasswd(b)
		for _, name := range names {
			checkSafe(t, name)
		}
	})
}

func FuzzParseMounts(f *testing.F) {
	f.Add("23 27 0:21 / /proc rw shared:12 - proc proc rw,gid=26,hidepid=invisible\n30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
	f.Fuzz(func(t *testing.T, s string) { checkSafe(t, parseMounts(s).hidePID) })
}

func FuzzCommandLine(f *testing.F) {
	f.Add([]byte("a\x1b]0;x\x07\x00b\nc\td\re\x7f\x00--password\x00\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		line := readArguments(b, len(b)%2 == 1).line()
		checkSafe(t, line)
		if len(line) > maxCommandLine {
			t.Errorf("%d bytes, want at most %d", len(line), maxCommandLine)
		}
		if again := printable(line); again != line {
			t.Errorf("printable(%q) = %q", line, again)
		}
	})
}

func FuzzSighted(f *testing.F) {
	f.Add("app", "app", []byte("/usr/bin/app\x00--password\x00x\x00"), false)
	f.Add("\x1b[31m", "a/b (deleted)", []byte("a\x1b]0;x\x07: b\xff\x00\x00"), true)
	f.Add("abcdefghijklmno", "", []byte("-abcdefghijklmnopq"), true)
	r := New(Config{ProcRoot: "testdata/none", PasswdPath: "testdata/none", Boot: 1})
	f.Fuzz(func(t *testing.T, comm, exe string, args []byte, cut bool) {
		before := string(args)
		s := Sighting{PID: 7, Start: 7, Comm: comm, Exe: exe, Args: args, ArgsCut: cut}
		p := r.Sighted(&s, 1)
		checkSafe(t, p.Name)
		checkSafe(t, p.CommandLine)
		if string(args) != before {
			t.Errorf("the arguments were changed from %q to %q", before, args)
		}
		if len(p.CommandLine) > maxCommandLine {
			t.Errorf("%d bytes, want at most %d", len(p.CommandLine), maxCommandLine)
		}
		if whole, complete := bytes.CutSuffix(args, []byte{0}); complete && !cut {
			// The same as /proc would give.
			if want := readArguments(whole, false).line(); p.CommandLine != want {
				t.Errorf("command line %q, want %q", p.CommandLine, want)
			}
		}
	})
}

// checkSafe fails if s could steer a terminal.
func checkSafe(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("%q is no UTF-8", s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) && r != utf8.RuneError {
			t.Errorf("%q holds %U", s, r)
		}
	}
}
