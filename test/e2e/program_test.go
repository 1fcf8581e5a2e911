package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"peerscope/test/e2e/script"
)

func programScenarios() []Scenario {
	tooShort := "Which process a connection too short for a look belongs to."
	return []Scenario{
		{
			Name:   "nginx",
			Proves: "nginx with two workers: each connection belongs to the worker that says it served it, under load too",
			Limits: tooShort,
			Needs:  []string{"nginx", "wrk"},
			Run:    nginx,
		},
		{
			Name:   "redis",
			Proves: "redis-server with redis-benchmark, connection by connection as the server's own log has them",
			Limits: tooShort,
			Needs:  []string{"redis-server", "redis-benchmark"},
			Run:    redis,
		},
		{
			Name:   "postgres",
			Proves: "PostgreSQL: each connection belongs to the backend that says it serves it, not to the postmaster that accepted it",
			Needs:  []string{"psql"},
			Run:    postgres,
		},
	}
}

// say sends a request as text and returns what came back at once.
func (c *Conn) say(text string) string {
	c.lab.T.Helper()
	sent := c.must(Client, script.Command{Op: script.Send, Text: text})
	got := c.must(Client, script.Command{Op: script.ReadText})
	c.count(Client, sent.Bytes)
	c.count(Server, got.Bytes)
	return got.Text
}

// call connects an actor to a program.
func (l *Lab) call(client *Actor, p *Program, addr string) *Conn {
	l.T.Helper()
	return l.DialOnly(client, &Listener{Kind: script.TCP, Addr: addr, Maker: p.as()}, DialOptions{})
}

const nginxConf = `daemon off;
worker_processes 2;
pid nginx.pid;
error_log error.log info;
events { worker_connections 64; }
http {
  log_format who '$pid $connection $remote_port $msec';
  access_log access.log who;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  keepalive_requests 10000000;
  server { listen %s; location / { return 200 "$pid"; } }
}
`

func nginx(l *Lab) {
	a, b := l.Linked("a", "b")
	client := l.Actor(a, "client")
	conf := l.write("nginx.conf", fmt.Sprintf(nginxConf, l.V4("0.2:80")))
	master := l.Program(b, ProgramOptions{}, "/usr/sbin/nginx", "-p", l.dir, "-c", conf, "-e", "stderr")
	master.Listening(80)
	l.Ignore("unix", master.Proc)
	workers := map[int]End{}
	for range 40 {
		if pids, err := children(master.Proc.PID); err == nil && len(pids) == 2 {
			for _, pid := range pids {
				p, err := procOf(pid)
				if err != nil {
					l.T.Fatal(err)
				}
				workers[pid] = End{Name: "nginx-worker", Exe: executableOf(p), Proc: p, NS: b, Addrs: []string{l.V4("0.2")}}
				l.Ignore("unix", p)
			}
			break
		}
		pause(25)
	}
	l.Observe(a, b)
	for range 3 {
		c := l.call(client, master, l.V4("0.2:80"))
		answer := c.say("GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
		c.Server = workers[bodyNumber(l.T, answer)]
		if c.Server.Proc.IsZero() {
			l.T.Fatalf("no worker of nginx served %q", answer)
		}
	}
	wrk := l.Program(a, ProgramOptions{}, "wrk", "-t1", "-c4", "-d3s", "http://"+l.V4("0.2/"))
	wrk.Wait(20 * time.Second)
	pause(200) // the logs
	l.nginxServed(wrk, workers, client)
}

// bodyNumber reads the number that is the body of an HTTP response.
func bodyNumber(t testing.TB, response string) int {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(response)), nil)
	if err != nil {
		t.Fatalf("parse response: %v", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("parse response: %v", err)
	}
	n, err := strconv.Atoi(string(body))
	if err != nil {
		t.Fatalf("parse response: %v", err)
	}
	return n
}

// nginxServed takes wrk's connections from nginx's logs: the access log has
// one line a request, the error log one for each connection that ended idle,
// such as the one wrk makes to try the address.
func (l *Lab) nginxServed(wrk *Program, workers map[int]End, client *Actor) {
	l.T.Helper()
	mine := map[string]bool{}
	for _, c := range l.Truth {
		f := client.Do(script.Command{Op: script.Inspect, Sock: c.sides[Client].sock})
		mine[strconv.Itoa(int(port(f.Local)))] = true
	}
	conns := map[int]*Conn{}
	at := func(number, pid int) *Conn {
		c := conns[number]
		if c == nil {
			maker := l.Truth[0].Listener.Maker
			c = &Conn{Transport: "tcp", Client: wrk.as(l.V4("0.1")), Server: workers[pid], Port: 80, DialedPort: 80, State: Closed,
				Listener: &Listener{Maker: maker}, Loose: true}
			conns[number] = c
		}
		return c
	}
	for _, line := range l.lines(filepath.Join(l.dir, "access.log")) {
		var pid, number int
		var from string
		var seconds float64
		if _, err := fmt.Sscan(line, &pid, &number, &from, &seconds); err != nil {
			l.T.Fatalf("parse access log %q: %v", line, err)
		}
		if mine[from] {
			continue
		}
		c, now := at(number, pid), int64(seconds*1e9)
		if c.Born == 0 {
			c.Born = now
		}
		c.Died = now
	}
	ended := regexp.MustCompile(`\[info\] (\d+)#\d+: \*(\d+) .*client: ` + regexp.QuoteMeta(l.V4("0.1")))
	for _, line := range l.lines(filepath.Join(l.dir, "error.log")) {
		if m := ended.FindStringSubmatch(line); m != nil {
			pid, _ := strconv.Atoi(m[1])
			number, _ := strconv.Atoi(m[2])
			at(number, pid)
		}
	}
	if len(conns) < 4 {
		l.T.Fatalf("nginx logged %d connections of wrk, want 4 or more", len(conns))
	}
	for _, c := range conns {
		l.add(c)
	}
}

func redis(l *Lab) {
	a, b := l.Linked("a", "b")
	client := l.Actor(a, "client")
	log := filepath.Join(l.dir, "redis.log")
	server := l.Program(b, ProgramOptions{Dir: l.dir}, "redis-server", "--port", "6379", "--bind", l.V4("0.2"),
		"--save", "", "--dir", l.dir, "--loglevel", "verbose", "--logfile", log, "--protected-mode", "no")
	server.Listening(6379)
	l.Observe(a, b)
	c := l.call(client, server, l.V4("0.2:6379"))
	if answer := c.say("PING\r\n"); answer != "+PONG\r\n" {
		l.T.Fatalf("redis answered %q", answer)
	}
	own := client.Do(script.Command{Op: script.Inspect, Sock: c.sides[Client].sock}).Local
	load := l.Program(a, ProgramOptions{}, "redis-benchmark", "-h", l.V4("0.2"), "-c", "5", "-n", "150000", "-t", "set", "-q")
	load.Wait(30 * time.Second)
	pause(100)
	l.redisServed(load, server, log, own)
}

// redisServed takes the benchmark's connections from the server's log.
func (l *Lab) redisServed(load, server *Program, log, own string) {
	l.T.Helper()
	line := regexp.MustCompile(`^\d+:M (.*) - (Accepted|Client closed connection .* addr=)\s?([0-9.:]+)`)
	conns := map[string]*Conn{}
	for _, text := range l.lines(log) {
		m := line.FindStringSubmatch(text)
		if m == nil || m[3] == own {
			continue
		}
		at, err := time.ParseInLocation("02 Jan 2006 15:04:05.000", m[1], time.Local)
		if err != nil {
			l.T.Fatalf("parse log %q: %v", text, err)
		}
		if m[2] == "Accepted" {
			conns[m[3]] = &Conn{Transport: "tcp", Client: load.as(l.V4("0.1")), Server: server.as(l.V4("0.2")), Port: 6379, DialedPort: 6379,
				Born: at.UnixNano(), Listener: &Listener{Maker: server.as()}, Loose: true, State: Closed}
		} else if c := conns[m[3]]; c != nil {
			c.Died = at.UnixNano()
		}
	}
	if len(conns) < 5 {
		l.T.Fatalf("redis logged %d connections of its benchmark, want 5 or more", len(conns))
	}
	for from, c := range conns {
		if c.Died == 0 {
			l.T.Fatalf("redis logged no end of the connection from %s", from)
		}
		l.add(c)
	}
}

func postgres(l *Lab) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		skip(l.T, "postgres is not installed")
	}
	bin := filepath.Dir(found[len(found)-1])
	a, b := l.Linked("a", "b")
	dir := l.openDir()
	hba := filepath.Join(dir, "hba.conf")
	if err := os.WriteFile(hba, []byte("host all all "+l.V4("0.0/24")+" trust\n"), 0o644); err != nil {
		l.T.Fatal(err)
	}
	owned := ProgramOptions{User: "postgres", Dir: dir}
	l.Program(b, owned, filepath.Join(bin, "initdb"), "-D", dir+"/d", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C").Wait(60 * time.Second)
	owned.Stop = syscall.SIGINT
	master := l.Program(b, owned, filepath.Join(bin, "postgres"), "-D", dir+"/d", "-c", "listen_addresses="+l.V4("0.2"),
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=1MB", "-c", "autovacuum=off",
		"-c", "hba_file="+hba)
	master.Listening(5432)
	l.Observe(a, b)
	for range 3 {
		client := l.Program(a, ProgramOptions{}, "psql", "-h", l.V4("0.2"), "-U", "postgres", "-At", "-d", "postgres",
			"-c", "select pg_backend_pid()", "-c", "select pg_sleep(60)")
		backend := 0
		for range 200 {
			if _, err := fmt.Sscan(client.Out.String(), &backend); err == nil {
				break
			}
			pause(25)
		}
		p, err := procOf(backend)
		if err != nil {
			l.T.Fatalf("psql: %v\n%s", err, client.Out.String())
		}
		l.add(&Conn{Transport: "tcp", Client: client.as(l.V4("0.1")), Server: End{Name: "postgres-backend", Exe: executableOf(p), Proc: p, NS: b, Addrs: []string{l.V4("0.2")}},
			Port: 5432, DialedPort: 5432, Listener: &Listener{Maker: master.as()}, Loose: true})
	}
}
