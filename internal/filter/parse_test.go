package filter_test

import (
	"errors"
	"strings"
	"testing"

	"peerscope/internal/filter"
)

// TestErrorsSayWhereAndHow: one line with the place and what to write instead.
func TestErrorsSayWhereAndHow(t *testing.T) {
	f := func(expr, want string) {
		t.Helper()
		_, err := filter.Parse(expr)
		if err == nil || err.Error() != "filter: "+want {
			t.Errorf("%s\n got %v\nwant filter: %s", expr, err, want)
		}
		var e *filter.Error
		if !errors.As(err, &e) || e.Offset > len(expr) || e.Column > len(expr)+1 {
			t.Errorf("%s: the error %+v has no place in it", expr, e)
		}
	}
	f("to:prot:443", `unknown key "prot" at column 4 (did you mean "port"?)`)
	f("nginx pord:443", `unknown key "pord" at column 7 (did you mean "pod"?)`)
	f("ünïcode pord:443", `unknown key "pord" at column 9 (did you mean "pod"?)`)
	f("registry:5000/shop", `unknown key "registry" at column 1 (a name with a : in it is written in quotes)`)
	f("from=nginx", `unknown key "from" at column 1 (write from:nginx or from:port:80)`)
	f("(nginx", `"(" is not closed at column 1 (add a ")")`)
	f("nginx)", `unexpected ")" at column 6 (nothing was opened that it could close)`)
	f(`proc:"nginx`, `a quote is not closed at column 6 (add a ")`)
	f(`ab"c d"`, `unexpected "\"c" at column 3 (leave a blank between terms, or put the whole value in quotes)`)
	f("proc:", `a value is missing after proc: at column 6`)
	f("port:80,", `a value is missing after port: at column 9`)
	f("from:", `a value is missing at column 6`)
	f("!", `a value is missing at column 2`)
	f("nginx or", `a value is missing at column 9`)
	f("nginx and or b", `"or" where a term should be at column 11 (a name like this is written in quotes)`)
	f("port:http", `"http" is not a number at column 6 (write 80 or 10..20)`)
	f("port:20..10", `"20..10" is not a range at column 6 (write 80 or 10..20)`)
	f("port:1.5", `"1.5" is not a whole number at column 6 (write 80 or 10..20)`)
	f("port>80,90", `port> with several values at column 11 (give one)`)
	f("port>10..20", `port> with a range at column 6 (a range is written port:10..20)`)
	f("port:80*", `"port" takes numbers, not "80*" at column 6 (a range is written 10..20)`)
	f("rtt>10", `"10" has no unit that "rtt" takes at column 5 (write 300us, 10ms, 2s, 5m, 1h or 1d)`)
	f("bytes>10ms", `"10ms" has no unit that "bytes" takes at column 7 (write 1000, 5MB, 1MiB or 5MB/s)`)
	f("err>1", `"1" has no unit that "err" takes at column 5 (write 1%)`)
	f("retx>1%", `"1%" has no unit that "retx" takes at column 6 (write 10, 1k or 10/s)`)
	f("proc>5", `"proc" cannot be compared by > at column 1 (it takes : = and !=)`)
	f("pid~8", `"pid" takes no regular expression at column 1 (only names do)`)
	f("proto:/t.p/", `"proto" takes no regular expression at column 7 (only names do)`)
	f("proto:tpc", `unknown word "tpc" of "proto" at column 7 (did you mean "tcp"?)`)
	f("proto:http", `unknown word "http" of "proto" at column 7 (it is one of tcp, udp, unix)`)
	f("is:extrenal", `unknown word "extrenal" of "is" at column 4 (did you mean "external"?)`)
	f("to:is:problem", `is:problem is said of an edge and not of one of its ends at column 7 (leave out from: and to:)`)
	f("is!=new", `is!= is not written at column 1 (write not is:)`)
	f("from:bytes>1", `"bytes" is of an edge and not of one of its ends at column 6 (leave out from: and to:)`)
	f("ip:10.0.0.300", `"10.0.0.300" is not an address at column 4 (write 10.0.0.7, 10.0.0.0/8 or 10.0.*)`)
	f("proc:/a(/", "bad regular expression: missing closing ): `a(` at column 6")
	f(strings.Repeat("(", 101), `too many parentheses at column 101 (at most 100 within each other)`)
	f(strings.Repeat("x", 20000), `an expression of 20000 bytes at column 1 (at most 16384 are read)`)
}

// TestPrint: what is printed is the same expression, written one way.
func TestPrint(t *testing.T) {
	f := func(expr, want string) {
		t.Helper()
		if got := parsed(t, expr).String(); got != want {
			t.Errorf("%s\n got %s\nwant %s", expr, got, want)
		}
	}
	f("", "")
	f(" \t", "")
	f("nginx  AND to:PORT:5432 rtt > 10ms", "nginx to:port:5432 rtt>10ms")
	f("a|b or c and d", "a or b or c d")
	f("a (b c)", "a b c")
	f("a or (b or c)", "a or b or c")
	f("(a or b) c", "(a or b) c")
	f("not a -b !c", "!a !b !c")
	f("!(!(a b))", "!(!(a b))")
	f(`"nginx"`, "nginx")
	f(`"two words"`, `"two words"`)
	f(`"or"`, `"or"`)
	f(`proc:or`, `proc:or`)
	f(`"a\"b\\c"`, `"a\"b\\c"`)
	f(`"a*"`, `"a*"`)
	f("a*", "a*")
	f("cmd:-x", "cmd:-x")
	f(`"-x"`, `"-x"`)
	f("proc~foo", "proc:/foo/")
	f(`cmd~"a b/c\d"`, `cmd:/a\ b\/c\d/`)
	f(`cmd:/a\ b\/c\d/,x`, `cmd:/a\ b\/c\d/,x`)
	f("path:/run/x.sock", `path:"\/run\/x.sock"`)
	f("ip:10.0.0.0/8,fe80::1", "ip:10.0.0.0/8,fe80::1")
	f("tls:true", "tls:yes")
	f("from:nginx", "from:nginx")
	f("port:..20", "port:..20")
	f("status:5xx", "status:5xx")
}
