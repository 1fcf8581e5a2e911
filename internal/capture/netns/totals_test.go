package netns

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// As Linux 6.18 writes it, shortened after the protocols that are read.
const snmp = `Ip: Forwarding DefaultTTL InReceives
Ip: 1 64 5309
Icmp: InMsgs InErrors
Icmp: 7 0
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 200 120000 -1 42 17 5 3 9 5309 5311 2 0 8 0
Udp: InDatagrams NoPorts
Udp: 12 1
`

func TestParseSNMP(t *testing.T) {
	f := func(name, in string, want Totals, wantErr string) {
		t.Helper()
		got, err := parseSNMP(strings.NewReader(in))
		switch {
		case wantErr != "":
			if err == nil || !strings.Contains(err.Error(), wantErr) {
				t.Errorf("%s: error %v, want %q", name, err, wantErr)
			}
			if got != (Totals{}) {
				t.Errorf("%s: an error and %+v", name, got)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", name, d)
			}
		}
	}
	tcp := func(names, values string) string { return "Tcp: " + names + "\nTcp: " + values + "\n" }
	const all = "ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab"
	f("Linux 6.18", snmp, Totals{ActiveOpens: 42, PassiveOpens: 17, AttemptFails: 5, EstabResets: 3, CurrEstab: 9}, "")
	f("by name and not by place", tcp("CurrEstab ActiveOpens New EstabResets AttemptFails PassiveOpens", "1 2 -1 3 4 5"),
		Totals{CurrEstab: 1, ActiveOpens: 2, EstabResets: 3, AttemptFails: 4, PassiveOpens: 5}, "")
	f("64 bits", tcp(all, "18446744073709551615 0 0 0 0"), Totals{ActiveOpens: 1<<64 - 1}, "")
	f("without a last newline", strings.TrimSuffix(tcp(all, "1 2 3 4 5"), "\n"), Totals{1, 2, 3, 4, 5}, "")
	f("empty", "", Totals{}, "no Tcp lines")
	f("another protocol", "TcpExt: ActiveOpens\nTcpExt: 1\n", Totals{}, "no Tcp lines")
	f("names only", "Tcp: "+all+"\n", Totals{}, "no Tcp lines")
	f("a value missing", tcp(all, "1 2 3 4"), Totals{}, "6 names and 5 values")
	f("a name missing", tcp("ActiveOpens", "1"), Totals{}, "no PassiveOpens")
	f("no number", tcp(all, "1 2 x 4 5"), Totals{}, "AttemptFails")
	f("too big", tcp(all, "1 2 3 4 18446744073709551616"), Totals{}, "CurrEstab")
	f("a line without an end", "Tcp: "+strings.Repeat("x", 1<<17), Totals{}, "read TCP counters")

	refuse := errors.New("refused")
	if _, err := parseSNMP(iotest.ErrReader(refuse)); !errors.Is(err, refuse) {
		t.Errorf("reader's error: %v", err)
	}
	if got, err := parseSNMP(iotest.OneByteReader(strings.NewReader(snmp))); err != nil || got.ActiveOpens != 42 {
		t.Errorf("byte by byte: %+v, %v", got, err)
	}
}

func FuzzSNMP(f *testing.F) {
	f.Add(snmp)
	f.Add("Tcp:\nTcp:\n")
	f.Add("Tcp: ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab\nTcp: 1 2 3 4 5")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := parseSNMP(strings.NewReader(in))
		if err != nil {
			if got != (Totals{}) {
				t.Errorf("error %v and %+v", err, got)
			}
			return
		}
		// Other lines say nothing.
		again, err := parseSNMP(strings.NewReader("Ip: A\nIp: 1\n" + in))
		if err != nil || again != got {
			t.Errorf("%+v, then %+v, %v", got, again, err)
		}
	})
}
