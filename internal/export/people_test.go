package export_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"peerscope/internal/export"
	"peerscope/internal/topology"
)

func render(t testing.TB, format string, m *topology.Map, style export.Style) string {
	t.Helper()
	var b bytes.Buffer
	if err := export.Render(&b, format, m, style); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// checkLines fails if a line is wider than the style allows, ends in a space or
// holds a character that a terminal would act on.
func checkLines(t *testing.T, out string, style export.Style) {
	t.Helper()
	if style.Width != 0 && style.Width < 20 {
		// nothing can be read there; it must only not break
	} else if !strings.HasSuffix(out, "\n") || strings.HasSuffix(out, "\n\n") {
		t.Errorf("output does not end in one newline: %q", out[max(0, len(out)-20):])
	}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if w := ansi.StringWidth(line); style.Width > 0 && w > style.Width {
			t.Errorf("line of %d cells at width %d: %q", w, style.Width, line)
		}
		text := line
		if style.Color {
			text = uncolor(line)
		}
		if strings.HasSuffix(text, " ") {
			t.Errorf("line ends in a space: %q", line)
		}
		for _, r := range text {
			switch {
			case !unicode.IsPrint(r), r == utf8.RuneError:
				t.Errorf("character %U in line %q", r, line)
			case style.ASCII && r >= utf8.RuneSelf:
				t.Errorf("character %q in an ASCII line %q", r, line)
			}
		}
	}
}

// uncolor takes out the sequences of the 16-colour palette, and no others.
func uncolor(s string) string {
	for _, code := range []string{"0", "1", "2", "31", "33"} {
		s = strings.ReplaceAll(s, "\x1b["+code+"m", "")
	}
	return s
}

func FuzzLinesFitTheWidth(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, uint8(20+seed*7%181), seed%2 == 0, seed%3 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, width uint8, color, ascii bool) {
		style := export.Style{Width: int(width), Color: color, ASCII: ascii}
		m := random(seed, 40)
		for _, format := range []string{"table", "tree"} {
			out := render(t, format, m, style)
			checkLines(t, out, style)
			if again := render(t, format, random(seed, 40), style); again != out {
				t.Errorf("%s of the same map differs:\n%s", format, cmp.Diff(out, again))
			}
		}
	})
}

func TestLinesFitEveryWidth(t *testing.T) {
	for width := range 201 {
		for _, format := range []string{"table", "tree"} {
			for _, m := range []*topology.Map{rich(), moment(), empty(), {}} {
				style := export.Style{Width: width}
				checkLines(t, render(t, format, m, style), style)
			}
		}
	}
}

func TestColorChangesNothingButColor(t *testing.T) {
	for _, format := range []string{"table", "tree"} {
		for _, width := range []int{0, 80, 120} {
			want := render(t, format, rich(), export.Style{Width: width})
			got := uncolor(render(t, format, rich(), export.Style{Width: width, Color: true}))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s at %d (-plain +colour):\n%s", format, width, diff)
			}
		}
	}
}

func TestUnlimitedWidthShortensNothing(t *testing.T) {
	for _, format := range []string{"table", "tree"} {
		out := render(t, format, rich(), export.Style{})
		for _, want := range []string{deep, "prometheus-blackbox-exporter-with-a-long-name[1204812]", "2001:db8:85a3::8a2e:370:7334",
			"142 failed: ECONNREFUSED 140, ETIMEDOUT 2; 1 pending", "redis-server[7001]@tenant-a or redis-server[7002]@4026532255"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s without a width lacks %q", format, want)
			}
		}
	}
}

// The words of the table and the tree for each kind of doubt and problem, as
// people see them where there is room.
func TestWhatIsShown(t *testing.T) {
	tests := []struct {
		name   string
		format string
		want   []string // words of one line, in order
	}{
		{"an inferred name has its sign", "table", []string{"node[4471]", "→", "~postgres[640]", "5432", "postgres", "10", "640 kB", "4.1 MB", "1.1 ms", "inferred"}},
		{"an ambiguous end names its candidates", "table", []string{"?127.0.0.1@tenant-a", "unknown", "ambiguous: redis-server[7001]@tenant-a or redis-server[7002]@4026532255"}},
		{"unknown roles are no client and server", "table", []string{"資料收集器[5150]", "↔", "python3[990]", "9125↔40112", "role unknown"}},
		{"unknown bytes are not zero", "table", []string{"224.0.0.251", "5353", "udp", "1", "-", "-", "-", "unknown"}},
		{"known zero bytes are zero", "table", []string{"@/tmp/", "(1)", "0 B", "0 B", "-", "exact"}},
		{"an inexact figure has its sign", "table", []string{"8080", "9.4 MB", "≈41.0 MB"}},
		{"a problem has its mark", "table", []string{"✗", "python3[990]", "10.0.3.7", "142 failed"}},
		{"holders are named", "table", []string{"php-fpm8.2[901]", "also held by nginx[813], nginx[800]"}},
		{"the kernel is the client of its own sockets", "table", []string{"kernel", "→", "10.0.3.7", "2049", "88.0 kB", "-"}},
		{"losses are shown", "table", []string{"! lost:", "netlink_overrun 3", "contradiction 1"}},
		{"what has no process is counted", "tree", []string{"! unattributed:", "2 connections", "1.4 kB"}},
		{"a degradation has its fix", "tree", []string{"! no_conntrack:", "modprobe nf_conntrack_netlink"}},
		{"an edge whose own end is inferred says so", "tree", []string{"⇐ node[4471]", "inferred here"}},
		{"a problem is marked before the name", "tree", []string{"✗ ⇒ 10.0.3.7", "142 failed"}},
		{"processes of a unit stand together", "tree", []string{"├─", "unit nginx.service", "2 processes"}},
		{"an exited process says so", "tree", []string{"pid 6666", "exited"}},
		{"idle listeners are counted", "tree", []string{"3 listeners idle"}},
		{"what is attributed never rounds up to all", "tree", []string{"99.1% attributed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := render(t, tt.format, rich(), export.Style{})
			if !slices.ContainsFunc(strings.Split(out, "\n"), func(line string) bool { return inOrder(line, tt.want) }) {
				t.Errorf("no line of the %s has %q:\n%s", tt.format, tt.want, out)
			}
		})
	}
}

func inOrder(line string, words []string) bool {
	for _, w := range words {
		_, after, ok := strings.Cut(line, w)
		if !ok {
			return false
		}
		line = after
	}
	return true
}

func TestTableOrderIsProblemsThenBytesThenID(t *testing.T) {
	m := rich()
	slices.Reverse(m.Edges)
	got := render(t, "table", m, export.Style{Width: 120})
	if diff := cmp.Diff(render(t, "table", rich(), export.Style{Width: 120}), got); diff != "" {
		t.Errorf("the order of edges in the map changes the table:\n%s", diff)
	}
	var first []string
	for line := range strings.Lines(got) {
		first = append(first, string([]rune(line)[0]))
	}
	if want := []string{" ", "✗", "✗", " "}; !slices.Equal(first[:4], want) {
		t.Errorf("first characters of the first lines are %q, want %q", first[:4], want)
	}
}

func TestColumnsAreDroppedInOrder(t *testing.T) {
	titles := []string{"CLIENT", "SERVER", "PORT/PATH", "NOTE", "↑ BYTES", "↓ BYTES", "PROTO", "CONNS", "RTT", "EVIDENCE"}
	last := len(titles)
	for width := 200; width >= 20; width-- {
		head, _, _ := strings.Cut(render(t, "table", rich(), export.Style{Width: width}), "\n")
		shown := 0
		for shown < len(titles) && strings.Contains(head, titles[shown]) {
			shown++
		}
		for _, title := range titles[shown:] {
			if shown >= 3 && strings.Contains(head, title) {
				t.Errorf("width %d shows %s without %s: %q", width, title, titles[shown], head)
			}
		}
		if shown > last {
			t.Errorf("width %d shows more columns than width %d: %q", width, width+1, head)
		}
		last = shown
	}
}

func TestEmptyMapSaysWhatToTry(t *testing.T) {
	m := empty()
	for i := range m.Nodes {
		if m.Nodes[i].Name == "nginx" { // nothing but ssh and redis listens
			m.Nodes[i].Attributes.Listens = nil
		}
	}
	tests := []struct {
		name string
		m    *topology.Map
		want string
	}{
		{"a web server", empty(), "No connections in 10 s. 5 listeners are idle.\nTry: peerscope map --for 60s · curl localhost:80\n"},
		{"no web server", m, "No connections in 10 s. 3 listeners are idle.\nTry: peerscope map --for 60s\n"},
		{"nothing known", &topology.Map{}, "No connections.\nTry: peerscope map --for 60s\n"},
	}
	for _, tt := range tests {
		for _, format := range []string{"table", "tree"} {
			if out := render(t, format, tt.m, export.Style{Width: 80}); !strings.Contains(out, tt.want) {
				t.Errorf("%s of %s lacks %q:\n%s", format, tt.name, tt.want, out)
			}
		}
	}
}

func TestPidSurvivesShortening(t *testing.T) {
	m := rich()
	for width := 50; width <= 200; width += 10 {
		out := render(t, "table", m, export.Style{Width: width})
		for _, pid := range []string{"[1204812]", "[7001]", "[601]"} {
			if !strings.Contains(out, pid) {
				t.Errorf("width %d loses %s:\n%s", width, pid, out)
			}
		}
	}
}

func TestErrorsOfTheWriterAreReturned(t *testing.T) {
	for _, format := range export.Formats() {
		err := export.Render(full{}, format, rich(), export.Style{Width: 80})
		if want := fmt.Sprintf("write %s: disk full", format); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %q", format, err, want)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, fmt.Errorf("disk full") }

func TestGroupsAndNamelessProcesses(t *testing.T) {
	m := moment()
	m.Nodes = append(m.Nodes,
		topology.Node{ID: "unit:web.service", Kind: topology.KindGroup, Name: "web.service",
			Attributes: topology.Attributes{Unit: "web.service", Processes: 8}},
		topology.Node{ID: "container:3f2a9c1b77de0c5a", Kind: topology.KindGroup, Name: "3f2a9c1b77de",
			Attributes: topology.Attributes{ContainerID: "3f2a9c1b77de0c5a", Processes: 2}},
		process(77, 5, "pid 77", topology.Attributes{}))
	m.Edges = []topology.Edge{
		{ID: "e:1", Client: "unit:web.service", Server: "container:3f2a9c1b77de0c5a", Transport: "tcp", ServerPort: 80},
		{ID: "e:2", Client: "unit:web.service", Server: "process:77@5", Transport: "tcp", ServerPort: 81},
	}
	out := render(t, "tree", m, export.Style{Width: 100})
	for _, want := range []string{"├─ 3f2a9c1b77de  ×2  [container]\n", "─ web.service  ×8\n", "─ pid 77\n",
		"⇐ web.service ×8", "⇒ 3f2a9c1b77de ×2", "⇒ pid 77  "} {
		if !strings.Contains(out, want) {
			t.Errorf("the tree lacks %q:\n%s", want, out)
		}
	}
}

func TestWhatProcessesRunInIsCalledAsPeopleDo(t *testing.T) {
	f := func(a topology.Attributes, want string) {
		t.Helper()
		m := moment()
		m.Nodes = append(m.Nodes, process(77, 5, "app", a))
		m.Edges = []topology.Edge{{ID: "e:1", Client: worker1, Server: "process:77@5", Transport: "tcp", ServerPort: 80}}
		if out := render(t, "tree", m, export.Style{Width: 120}); !strings.Contains(out, want) {
			t.Errorf("the tree lacks %q:\n%s", want, out)
		}
	}
	const id = "3f2a9c1b77de0c5a"
	f(topology.Attributes{ContainerID: id, Runtime: "docker", Unit: "docker-x.scope"}, "[docker container 3f2a9c1b77de]")
	f(topology.Attributes{ContainerID: id, Runtime: "docker", ContainerName: "shop-web"}, "[docker container shop-web]")
	f(topology.Attributes{ContainerID: id, ContainerName: "web", PodName: "web-1", Namespace: "prod"}, "[pod prod/web-1]")
	f(topology.Attributes{ContainerID: id, PodName: "web-1"}, "[pod web-1]")
}

func TestCSVHasTheNames(t *testing.T) {
	m := moment()
	m.Nodes = append(m.Nodes, process(77, 5, "app.py", topology.Attributes{Script: "/srv/app.py", ContainerName: "web", Image: "shop/web", Namespace: "prod",
		PodName: "web-1", StatefulSet: "web", ReplicaSet: "no", KubeService: "front"}))
	m.Edges = []topology.Edge{{ID: "e:1", Client: worker1, Server: "process:77@5", Transport: "tcp", ServerPort: 80}}
	rows := strings.Split(render(t, "csv", m, export.Style{}), "\r\n")
	titles, cells := strings.Split(rows[0], ","), strings.Split(rows[1], ",")
	for title, want := range map[string]string{"server_script": "/srv/app.py", "server_container_name": "web", "server_image": "shop/web",
		"server_namespace": "prod", "server_pod": "web-1", "server_workload": "web", "server_service": "front", "client_pod": ""} {
		if i := slices.Index(titles, title); i < 0 || cells[i] != want {
			t.Errorf("%s is in column %d, want %q in:\n%s", title, i, want, rows[1])
		}
	}
}
