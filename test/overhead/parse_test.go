package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTCPCountersAreFoundByName(t *testing.T) {
	const text = "Ip: Forwarding DefaultTTL\nIp: 1 64\n" +
		"Tcp: RtoAlgorithm MaxConn ActiveOpens PassiveOpens AttemptFails\nTcp: 1 -1 2894158 2894157 0\n" +
		"Udp: InDatagrams\nUdp: 3\n"
	got, err := parseSNMP(strings.NewReader(text))
	if want := (tcpCounters{active: 2894158, passive: 2894157}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for name, bad := range map[string]string{
		"nothing":      "",
		"other names":  "Tcp: MaxConn\nTcp: -1\n",
		"cut off":      "Tcp: ActiveOpens PassiveOpens\nTcp: 1\n",
		"not a number": "Tcp: ActiveOpens PassiveOpens\nTcp: 1 x\n",
	} {
		if _, err := parseSNMP(strings.NewReader(bad)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMemoryIsInBytes(t *testing.T) {
	got, err := parseMemory("Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t    12 kB\nVmRSS:\t     8 kB\nThreads:\t1\n")
	if want := (memory{now: 8192, peak: 12288}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, err := parseMemory("Name:\tx\nState:\tZ (zombie)\n"); err != nil || got != (memory{}) {
		t.Errorf("of a process that ended: got %+v, %v, want nothing", got, err)
	}
	if _, err := parseMemory("VmRSS:\tlots\n"); err == nil {
		t.Error("a word for a number: no error")
	}
}

func TestIdleTimeHoldsWaitingForDisks(t *testing.T) {
	got, err := parseIdle("cpu  10 0 20 300 7 0 1 0 0 0\ncpu0 5 0 10 150 3 0 1 0 0 0\n")
	if want := 3070 * time.Millisecond; err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"", "cpu0 1 2 3 4 5\n", "cpu  1 2 3 4\n", "cpu  1 2 3 x 5\n"} {
		if _, err := parseIdle(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestWrkReport(t *testing.T) {
	const head = "Running 5s test @ http://127.0.0.1:8080/\n  1 threads and 32 connections\n" +
		"  Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency   145.68us   21.16us   1.77ms   89.96%\n" +
		"    Req/Sec   215.18k     4.33k  221.59k    68.63%\n  1091716 requests in 5.10s, 159.31MB read\n"
	const tail = "Requests/sec: 214061.33\nTransfer/sec:     31.24MB\n"
	got, err := parseWrk(head + tail)
	want := wrkResult{requests: 1091716, rate: 214061.33}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(wrkResult{})); err != nil || diff != "" {
		t.Error(err, diff)
	}
	got, err = parseWrk(head + "  Socket errors: connect 0, read 3, write 0, timeout 1\n  Non-2xx or 3xx responses: 12\n" + tail)
	want.errors = "Socket errors: connect 0, read 3, write 0, timeout 1; Non-2xx or 3xx responses: 12"
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(wrkResult{})); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, bad := range []string{"", head, tail, "unable to connect to 127.0.0.1:8080 Connection refused\n", "many requests in 5.10s\n" + tail} {
		if _, err := parseWrk(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestFactsOfADescriptor(t *testing.T) {
	got, err := parseFacts(strings.NewReader("pos:\t0\nflags:\t02000002\nprog_type:\t26\nprog_id:\t41\nrun_time_ns:\t123456\nrun_cnt:\t99\n"))
	if err != nil || got.number("prog_id") != 41 || got.number("run_time_ns") != 123456 || got.number("run_cnt") != 99 || got.number("map_id") != 0 {
		t.Error(got, err)
	}
}

func TestProgramsCountFromTheFirstReading(t *testing.T) {
	before := kernelSide{programs: []program{{id: 1, runs: 10, took: 1000}}}
	after := kernelSide{programs: []program{{id: 1, name: "a", runs: 30, took: 3000}, {id: 2, name: "b", runs: 5, took: 9000}}}
	got := after.since(before)
	want := []program{{id: 2, name: "b", runs: 5, took: 9000}, {id: 1, name: "a", runs: 20, took: 2000}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(program{})); diff != "" {
		t.Error(diff)
	}
	if ns := got[1].perRun(); ns != 100 {
		t.Errorf("got %v ns a run, want 100", ns)
	}
}

func TestFlags(t *testing.T) {
	s, subjects, err := parse([]string{"-source", "ebpf", "-runs", "3", "rate", "idle"})
	if err != nil || s.source != "ebpf" || s.runs != 3 || !cmp.Equal(subjects, []string{"rate", "idle"}) {
		t.Error(s, subjects, err)
	}
	for _, bad := range [][]string{{}, {"disk"}, {"-runs", "0", "nginx"}, {"-length", "1500ms", "nginx"}, {"-rate-length", "0s", "rate"}} {
		if _, _, err := parse(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
