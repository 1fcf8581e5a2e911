package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// load is a kind of traffic that wrk makes.
type load struct {
	name, title string
	threads     int
	headers     []string
	// The targets: processor time a request with the tool over without at most,
	// requests a second at least.
	cpuAtMost, rateAtLeast float64
}

// wrkResult is what wrk says at its end, and what it used.
type wrkResult struct {
	requests uint64
	rate     float64 // a second
	errors   string  // its own words; empty if there was none
	used     time.Duration
}

// wrk loads the server for whole seconds.
func wrk(ctx context.Context, sp *space, l load, connections int, length time.Duration) (wrkResult, error) {
	path, err := exec.LookPath("wrk")
	if err != nil {
		return wrkResult{}, fmt.Errorf("wrk is not installed (Debian: wrk): %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, length+20*time.Second)
	defer cancel()
	args := []string{"-t", strconv.Itoa(l.threads), "-c", strconv.Itoa(connections), "-d", strconv.Itoa(int(length/time.Second)) + "s"}
	for _, h := range l.headers {
		args = append(args, "-H", h)
	}
	cmd := exec.CommandContext(ctx, path, append(args, "http://"+nginxAddress+"/")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = sp.start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return wrkResult{}, fmt.Errorf("run wrk: %w: %s", err, strings.TrimSpace(out.String()))
	}
	r, err := parseWrk(out.String())
	if err != nil {
		return r, fmt.Errorf("read what wrk said: %w: %s", err, strings.TrimSpace(out.String()))
	}
	r.used = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return r, nil
}

// parseWrk reads the report of wrk 4.
func parseWrk(text string) (r wrkResult, err error) {
	var errors []string
	seen := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		first, rest, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(rest, "requests in "):
			r.requests, err = strconv.ParseUint(first, 10, 64)
			seen++
		case first == "Requests/sec:":
			r.rate, err = strconv.ParseFloat(strings.TrimSpace(rest), 64)
			seen++
		case strings.HasPrefix(line, "Socket errors:"), strings.HasPrefix(line, "Non-2xx"):
			errors = append(errors, line)
		}
		if err != nil {
			return r, err
		}
	}
	if seen != 2 {
		return r, fmt.Errorf("no count and rate of requests")
	}
	r.errors = strings.Join(errors, "; ")
	return r, nil
}
