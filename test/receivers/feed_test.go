// Package receivers has real receivers of metrics judge what is offered to them:
// their sums are those of the maps.
package receivers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"peerscope/internal/metrics"
	"peerscope/internal/topology"
)

// maps are those of testdata/worlds, twice, as windows of one host that end now.
func maps(t *testing.T) []*topology.Map {
	t.Helper()
	files, err := filepath.Glob("../../testdata/worlds/*.map.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%v, %v", files, err)
	}
	files = append(files, files...)
	const length = 10 * time.Second
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Duration(len(files)) * length)
	var out []*topology.Map
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := topology.Read(f)
		f.Close()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		const layout = "2006-01-02T15:04:05.000Z"
		m.Window = topology.Window{Start: at.Format(layout), End: at.Add(length).Format(layout)}
		at = at.Add(length)
		out = append(out, m)
	}
	return out
}

// sums are what all maps say together, by the PromQL that asks for it.
func sums(maps []*topology.Map) map[string]float64 {
	out := map[string]float64{}
	for _, m := range maps {
		for i := range m.Edges {
			e, form := &m.Edges[i], "edge"
			if len(e.Ends) > 0 {
				form = "pair"
			}
			to, back := e.Bytes.Directions()
			directions := [2]string{"to_server", "to_client"}
			if form == "pair" { // which end is the first depends on the programs
				directions = [2]string{"first_to_second|second_to_first", "first_to_second|second_to_first"}
			}
			for i, n := range [...]*uint64{to, back} {
				if n != nil {
					out[fmt.Sprintf(`sum(peerscope_%s_bytes_total{direction=~"%s"})`, form, directions[i])] += float64(*n)
				}
			}
			out[fmt.Sprintf("sum(peerscope_%s_connections_opened_total)", form)] += float64(e.Connections.Opened)
			out[fmt.Sprintf("sum(peerscope_%s_connections_failed_total)", form)] += float64(e.Connections.Failed)
			if e.RTT != nil {
				out[fmt.Sprintf("sum(peerscope_%s_tcp_rtt_seconds_count)", form)] += float64(e.RTT.Count)
				out[fmt.Sprintf("sum(peerscope_%s_tcp_rtt_seconds_sum)", form)] += float64(e.RTT.Sum) / 1e6
			}
		}
	}
	return out
}

// store is something that answers PromQL.
type store struct{ url string }

// ask returns the values of an instant query, by their labels as JSON.
func (s store) ask(query string) (map[string]float64, error) {
	r, err := http.Get(s.url + "/api/v1/query?nocache=1&query=" + url.QueryEscape(query))
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return nil, fmt.Errorf("%s: %.200s", r.Status, b)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s: %s", answer.Status, answer.Error)
	}
	out := map[string]float64{}
	for _, x := range answer.Data.Result {
		labels, _ := json.Marshal(x.Metric)
		text, _ := x.Value[1].(string)
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, err
		}
		out[string(labels)] = n
	}
	return out, nil
}

// wait asks until the answer is that one number, give or take a billionth.
func (s store) wait(t *testing.T, query string, want float64) {
	t.Helper()
	var got map[string]float64
	var err error
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		got, err = s.ask(query)
		for _, n := range got {
			if len(got) == 1 && n >= want*(1-1e-9) && n <= want*(1+1e-9) {
				return
			}
		}
		if want == 0 && err == nil && len(got) == 0 {
			return
		}
	}
	t.Errorf("%s: the store says %v, %v; the maps say %v", query, got, err, want)
}

// wantSums compares all sums of a store with those of maps.
func (s store) wantSums(t *testing.T, maps []*topology.Map) {
	t.Helper()
	for query, want := range sums(maps) {
		s.wait(t, query, want)
	}
}

// wantDashboards asks what Grafana would, and wants an answer to every query,
// and one that is not empty where traffic is shown.
func (s store) wantDashboards(t *testing.T) {
	t.Helper()
	files, _ := filepath.Glob("../../dashboards/*.json")
	if len(files) < 4 {
		t.Fatalf("dashboards %v", files)
	}
	full, empty := []string{"nodes", "edges"}, []string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			Panels []struct {
				Title   string
				Targets []struct{ RefID, Expr string }
			}
		}
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				expr := strings.ReplaceAll(q.Expr, "$__rate_interval", "5m")
				for _, name := range []string{"$instance", "$client", "$server", "$port", "$host", "$program"} {
					expr = strings.ReplaceAll(expr, `"`+name+`"`, `".*"`)
				}
				got, err := s.ask(expr)
				if err != nil {
					t.Errorf("%s, %s: %v\n%s", f, p.Title, err, expr)
				}
				if len(got) == 0 {
					empty = append(empty, filepath.Base(f)+" "+p.Title+" "+q.RefID)
					if slices.Contains(full, q.RefID) || strings.HasPrefix(p.Title, "Traffic") || strings.HasPrefix(p.Title, "Edges with the") {
						t.Errorf("%s, %s: nothing to show\n%s", f, p.Title, expr)
					}
				}
			}
		}
	}
	t.Logf("nothing to show in %d panels: %s", len(empty), strings.Join(empty, "; "))
}

// accumulator has series for all that happens in the worlds, which are short.
func accumulator() *metrics.Accumulator {
	c := metrics.DefaultSeries()
	c.MinAge = 0
	return metrics.NewAccumulator(c)
}

func self() metrics.Self { return metrics.Self{Version: "1.0"} }

// freePort is one of loopback that nobody has.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs a program until the test ends. It returns what it writes to
// standard output: a file.
func start(t *testing.T, program string, args ...string) (stdout string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	stdout = filepath.Join(t.TempDir(), "stdout")
	out, err := os.Create(stdout)
	if err != nil {
		t.Fatal(err)
	}
	errors := filepath.Join(t.TempDir(), "stderr")
	errOut, err := os.Create(errors)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		cmd.Wait()
		if t.Failed() {
			b, _ := os.ReadFile(errors)
			t.Logf("%s said: %.3000s", filepath.Base(program), b)
		}
	})
	return stdout
}
