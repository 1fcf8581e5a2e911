package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// program is one process of the system.
type program struct {
	name, place string
	role
}

const ms = time.Millisecond

// system is who there is. Servers come before their clients.
func system(dir string) []program {
	static := "unix://" + filepath.Join(dir, "static.sock")
	return []program{
		{"orders-db", "data", role{Listen: []string{"tcp://0.0.0.0:5432"}, Answer: 4000, Delay: ms}},
		{"cache", "data", role{Listen: []string{"tcp://0.0.0.0:6379"}, Answer: 300}},
		{"queue", "data", role{Listen: []string{"tcp://0.0.0.0:5672"}, Answer: 700}},
		{"resolver", "data", role{Listen: []string{"udp://10.77.0.30:53"}, Answer: 120}},
		{"replica", "data", role{Calls: []call{{To: "tcp://127.0.0.1:5432", Every: 100 * ms, Keep: 1, Send: 60}}}},
		{"search", "shop", role{Listen: []string{"tcp://127.0.0.1:9200"}, Answer: 9000, Delay: 3 * ms}},
		{"api", "shop", role{Listen: []string{"tcp://0.0.0.0:9000"}, Answer: 2500,
			Calls: []call{{To: "udp://10.77.0.30:53", Every: 500 * ms, Send: 40}},
			Behind: []call{
				{To: "tcp://10.77.0.30:5432", Keep: 4, Send: 200},
				{To: "tcp://10.77.0.30:6379", Keep: 2, Send: 50},
				{To: "tcp://127.0.0.1:9200", Keep: 1, Send: 90}}}},
		{"static", "web", role{Listen: []string{static}, Answer: 15000}},
		{"web", "web", role{Listen: []string{"tcp://0.0.0.0:8080"}, Answer: 18000,
			Behind: []call{{To: "tcp://10.77.0.20:9000", Keep: 4, Send: 400}, {To: static, Keep: 1, Send: 60}}}},
		{"worker", "shop", role{Calls: []call{
			{To: "tcp://10.77.0.30:5672", Every: 80 * ms, Keep: 1, Send: 30},
			{To: "tcp://10.77.0.20:2525", Every: 700 * ms, Send: 5000}}}},
		{"browser", "users", role{Calls: []call{
			{To: "tcp://" + virtual + ":80", Every: 60 * ms, Send: 350},
			{To: "tcp://" + virtual + ":80", Every: 90 * ms, Send: 350}}}},
		{"monitor", "users", role{Calls: []call{
			{To: "tcp://" + webAddr + ":8080", Every: 2000 * ms, Send: 20},
			{To: "tcp://10.77.0.20:9000", Every: 2000 * ms, Send: 20}}}},
	}
}

// stage starts programs and stops them.
type stage struct {
	dir     string
	mu      sync.Mutex
	running []*exec.Cmd
}

// start starts them one after the other. Each is a copy of this program under
// its own name, so that it is known by it.
func (s *stage) start(all []program) error {
	for _, p := range all {
		if _, err := s.launch(p); err != nil {
			return fmt.Errorf("start %s: %w", p.name, err)
		}
		time.Sleep(50 * ms) // it listens before it is called
	}
	return nil
}

func (s *stage) launch(p program) (*exec.Cmd, error) {
	name := filepath.Join(s.dir, p.name)
	if err := copySelf(name); err != nil {
		return nil, err
	}
	text, err := json.Marshal(p.role)
	if err != nil {
		return nil, err
	}
	c := exec.Command("ip", "netns", "exec", prefix+p.place, name)
	c.Env = append(os.Environ(), roleVariable+"="+string(text))
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := c.Start(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = append(s.running, c)
	return c, nil
}

func copySelf(name string) error {
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// happenings are what changes: a report that runs now and then and ends, and a
// mail server that is there for a third of the time only.
func (s *stage) happenings(ctx context.Context, dir string) {
	report := program{"report", "shop", role{Once: true, Calls: []call{{To: "tcp://10.77.0.30:5432", Send: 3000}}}}
	mailer := program{"mailer", "shop", role{Listen: []string{"tcp://0.0.0.0:2525"}, Answer: 20}}
	for n := 1; ctx.Err() == nil; n++ {
		pause(ctx, 10*time.Second)
		if c, err := s.launch(report); err == nil {
			go s.end(c)
		}
		switch n % 6 {
		case 3:
			if c, err := s.launch(mailer); err == nil {
				time.AfterFunc(20*time.Second, func() { _ = c.Process.Signal(syscall.SIGTERM); s.end(c) })
			}
		}
	}
}

// end waits for one that ends by itself.
func (s *stage) end(c *exec.Cmd) {
	_ = c.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range s.running {
		if r == c {
			s.running = append(s.running[:i], s.running[i+1:]...)
			return
		}
	}
}

// stop ends what still runs.
func (s *stage) stop() {
	s.mu.Lock()
	running := append([]*exec.Cmd(nil), s.running...)
	s.mu.Unlock()
	for _, c := range running {
		_ = c.Process.Signal(syscall.SIGTERM)
	}
	for _, c := range running {
		s.end(c)
	}
}
