package identity

import "testing"

func TestInvokedAs(t *testing.T) {
	f := func(cmdline, comm, want string) {
		t.Helper()
		if got := invokedAs([]byte(cmdline), comm); got != want {
			t.Errorf("invokedAs(%q, %q) = %q, want %q", cmdline, comm, got, want)
		}
	}
	f("/usr/bin/redis-server 127.0.0.1:6379\x00", "redis-server", "redis-server") // a link to redis-check-rdb
	f("nginx: worker process\x00", "nginx", "nginx")
	f("-bash\x00", "bash", "bash")
	f("/usr/lib/systemd/systemd-journald\x00", "systemd-journal", "systemd-journald") // comm is cut to 15 bytes
	f("python3\x00app.py\x00", "python3", "python3")
	f("/usr/bin/python3\x00/opt/app.py\x00", "app.py", "") // a script: the kernel names the script
	f("node\x00server.js\x00", "MainThread", "")
	f("", "kworker/0:1", "")
	f("/\x00", "x", "")
}
