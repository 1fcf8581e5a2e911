package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// nginxConfig answers every request from memory. One worker, because two take
// unequal shares of the connections, another share each time.
const nginxConfig = `user root;
worker_processes 1;
daemon off;
pid %[1]s/pid;
error_log %[1]s/error.log warn;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600;
  client_body_temp_path %[1]s/tmp;
  proxy_temp_path %[1]s/tmp;
  fastcgi_temp_path %[1]s/tmp;
  uwsgi_temp_path %[1]s/tmp;
  scgi_temp_path %[1]s/tmp;
  server {
    listen %[2]s backlog=4096;
    location / { return 200 "ok\n"; }
  }
}
`

const nginxAddress = "127.0.0.1:8080"

// nginx is a server in the namespace.
type nginx struct {
	cmd     *exec.Cmd
	said    bytes.Buffer
	dir     string
	done    chan error
	workers []int
}

func startNginx(ctx context.Context, sp *space) (*nginx, error) {
	path, err := exec.LookPath("nginx")
	if err != nil {
		return nil, fmt.Errorf("nginx is not installed (Debian: nginx-light): %w", err)
	}
	n := &nginx{done: make(chan error, 1)}
	if n.dir, err = os.MkdirTemp("", "overhead-nginx"); err != nil {
		return nil, fmt.Errorf("make nginx's directory: %w", err)
	}
	config := filepath.Join(n.dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, n.dir, nginxAddress), 0o600); err != nil {
		return nil, fmt.Errorf("write nginx's configuration: %w", err)
	}
	n.cmd = exec.Command(path, "-p", n.dir, "-c", config, "-e", filepath.Join(n.dir, "error.log"))
	n.cmd.Stdout, n.cmd.Stderr = &n.said, &n.said
	if err := sp.start(n.cmd); err != nil {
		os.RemoveAll(n.dir)
		return nil, fmt.Errorf("start nginx: %w", err)
	}
	go func() { n.done <- n.cmd.Wait() }()
	if err := n.await(ctx, sp); err != nil {
		n.stop()
		log, _ := os.ReadFile(filepath.Join(n.dir, "error.log"))
		return nil, fmt.Errorf("start nginx: %w: %s%s", err, n.said.String(), log)
	}
	return n, nil
}

// await waits until the server answers and its worker is there.
func (n *nginx) await(ctx context.Context, sp *space) error {
	until := time.Now().Add(10 * time.Second)
	for time.Now().Before(until) && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
		if n.workers, _ = childrenOf(n.cmd.Process.Pid); len(n.workers) == 0 {
			continue
		}
		err := sp.do(func() error {
			c, err := net.DialTimeout("tcp", nginxAddress, time.Second)
			if err == nil {
				err = c.Close()
			}
			return err
		})
		if err == nil {
			return nil
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return fmt.Errorf("no answer within 10 seconds")
}

// stop asks nginx to end and then ends what is left of its process group.
func (n *nginx) stop() {
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-n.done:
	case <-time.After(5 * time.Second):
	}
	_ = syscall.Kill(-n.cmd.Process.Pid, syscall.SIGKILL)
	os.RemoveAll(n.dir)
}
