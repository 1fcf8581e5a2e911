package identity

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"peerscope/internal/flow"
)

// TestRealInterpreters starts scripts with the interpreters that this host has.
func TestRealInterpreters(t *testing.T) {
	dir := t.TempDir()
	f := func(runtime, name, script, text string, args ...string) {
		t.Run(args[0]+" "+name, func(t *testing.T) {
			program, err := exec.LookPath(args[0])
			if err != nil {
				t.Skipf("%s is not installed", args[0])
			}
			put(t, dir, name, text)
			if strings.HasPrefix(text, "#!") {
				if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(program, args[1:]...)
			if args[0] == "env" { // the kernel reads the first line
				cmd = exec.Command(filepath.Join(dir, name), args[1:]...)
			}
			cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // with what a shell has started
				_ = cmd.Wait()
			})
			// Until it is executed, by way of wrappers, it has other names.
			r := New(Config{})
			var p flow.Process
			for range 100 {
				if p, err = r.Process(int32(cmd.Process.Pid), 1); err != nil {
					t.Fatal(err)
				}
				if p.Interpreter == runtime && p.Script == script {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			want := baseName(script)
			if p.Interpreter != runtime || p.Script != script || p.Name != want || p.Executable == "" {
				t.Errorf("%s: %q by %q, script %q of %q; want %q by %q, script %q", p.CommandLine, p.Name, p.Interpreter, p.Script, p.Executable, want, runtime, script)
			}
		})
	}
	const python, forever = "import time\ntime.sleep(60)\n", "sleep 60\n:\n"
	f("python", "app.py", "app.py", python, "python3", "-u", "-X", "dev", "app.py", "--port", "80")
	f("python", "pkg_mod.py", "pkg_mod", python, "python3", "-Bm", "pkg_mod")
	f("bash", "run.sh", "run.sh", forever, "bash", "-eo", "pipefail", "run.sh")
	f("bash", "direct.sh", filepath.Join(dir, "direct.sh"), "#!/bin/bash -e\n"+forever, "env")
	f("dash", "run.sh", "./run.sh", forever, "dash", "./run.sh")
	f("perl", "app.pl", "app.pl", "sleep 60;\n", "perl", "-w", "-Mstrict", "app.pl")
	f("nodejs", "server.js", "server.js", "setTimeout(() => 0, 60000)\n", "node", "--max-old-space-size=64", "-r", "fs", "server.js")
	f("ruby", "app.rb", "app.rb", "sleep 60\n", "ruby", "-W0", "app.rb")
	f("php", "app.php", "app.php", "<?php sleep(60);\n", "php", "-d", "memory_limit=64M", "app.php")
}
