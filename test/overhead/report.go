package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"
)

// report writes tables for people as they come, and keeps the lines for
// programs until the end.
type report struct {
	w        io.Writer
	source   string
	kept     []string
	problems []string
}

func newReport(w io.Writer, source string) *report { return &report{w: w, source: source} }

func (r *report) say(format string, args ...any) { fmt.Fprintf(r.w, format+"\n", args...) }

func (r *report) head(subject string) { r.say("\n== %s, --source %s", subject, r.source) }

// machine says where this runs and how busy it is already.
func (r *report) machine() {
	var u unix.Utsname
	_ = unix.Uname(&u)
	load, _ := os.ReadFile("/proc/loadavg")
	r.say("%d cores, Linux %s, load average before this %s", runtime.NumCPU(), cString(u.Release[:]),
		strings.Join(strings.Fields(string(load))[:min(3, len(strings.Fields(string(load))))], " "))
}

// keep is one line for programs: name value unit.
func (r *report) keep(name string, value float64, unit string) {
	r.kept = append(r.kept, fmt.Sprintf("Overhead/%s/%s %s %s", r.source, name, figure(value), unit))
}

// judge is a line with a target, said beside it. The target is a bound that
// the value must not pass: from above if atLeast, else from below.
func (r *report) judge(name string, value float64, unit string, atLeast bool, target float64) {
	r.keep(name, value, unit)
	sign, met := "<=", value <= target
	if atLeast {
		sign, met = ">=", value >= target
	}
	verdict := "met"
	if !met {
		verdict = "MISSED"
	}
	r.say("%-28s %10s %-8s target %s %s: %s", name, figure(value), unit, sign, figure(target), verdict)
}

// info is a line without a target.
func (r *report) info(name string, value float64, unit string) {
	r.keep(name, value, unit)
	r.say("%-28s %10s %s", name, figure(value), unit)
}

// problem is said at once, and again at the end, where it makes the program fail.
func (r *report) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.problems = append(r.problems, text)
	r.say("!!! %s", text)
}

// by says which source of the tool made a map.
func (r *report) by(c mapCount) {
	how := "told by events"
	if c.intervalMS > 0 {
		how = fmt.Sprintf("looks every %d ms", c.intervalMS)
	}
	r.say("source %s, rung %s, %s", c.source, c.rung, how)
}

// rows writes a table with its columns aligned.
func (r *report) rows(rows [][]string) {
	t := tabwriter.NewWriter(r.w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush()
}

// kernel shows what the tool has in the kernel; sockets are how many it may
// keep something for.
func (r *report) kernel(k kernelSide, sockets int) {
	if len(k.programs)+len(k.tables) == 0 {
		r.say("the tool has no programs or maps in the kernel")
		return
	}
	rows := [][]string{{"map", "kind", "key B", "value B", "entries", "KiB"}}
	uncounted := uint64(0)
	for _, t := range k.tables {
		rows = append(rows, []string{t.name, t.kind, fmt.Sprint(t.key), fmt.Sprint(t.value), fmt.Sprint(t.limit), fmt.Sprint(t.memory >> 10)})
		uncounted += t.perItem * uint64(sockets)
	}
	r.rows(rows)
	if uncounted > 0 {
		r.say("of sk_storage the kernel counts the buckets only; values for %d sockets take about %d KiB more", sockets, uncounted>>10)
	}
}

// runs shows what programs did; each is how often something happened that they
// were run for.
func (r *report) runs(subject string, programs []program, each uint64, what string) {
	if len(programs) == 0 {
		r.say("the tool has no programs in the kernel, so there are no runs to count")
		return
	}
	rows := [][]string{{"program", "runs", "ms", "ns/run", "runs/" + what, "ns/" + what}}
	var total program
	for _, p := range programs {
		rows = append(rows, []string{p.name, fmt.Sprint(p.runs), fmt.Sprint(p.took.Milliseconds()), figure(p.perRun()),
			figure(float64(p.runs) / float64(each)), figure(float64(p.took) / float64(each))})
		total.runs += p.runs
		total.took += p.took
	}
	rows = append(rows, []string{"all", fmt.Sprint(total.runs), fmt.Sprint(total.took.Milliseconds()), figure(total.perRun()),
		figure(float64(total.runs) / float64(each)), figure(float64(total.took) / float64(each))})
	r.rows(rows)
	r.keep(subject+"/programs", float64(total.took)/float64(each), "ns/"+what)
}

// lines ends the report.
func (r *report) lines() {
	if len(r.kept) == 0 {
		return
	}
	r.say("\nname value unit")
	for _, line := range r.kept {
		r.say("%s", line)
	}
}
