package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// plan is what the guest does: it loads modules and runs commands.
type plan struct {
	Modules  []string
	Commands []command
}

type command struct {
	Name string // of its section in what the guest says
	Args []string
}

// guestArg makes this program the guest's second process, which does the work.
const guestArg = "work"

// guest is the first process of the guest. It waits for everybody's orphans
// until the second process ends. Whatever happens, the machine ends.
func guest() {
	if err := mount(); err != nil {
		fmt.Println("kernels: guest:", err)
	}
	work := exec.Command("/init", guestArg)
	work.Stdout, work.Stderr = os.Stdout, os.Stderr
	if err := work.Start(); err != nil {
		fmt.Println("kernels: guest:", err)
	} else {
		reap(work.Process.Pid)
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART) // qemu was told not to
}

// reap waits for whoever ends, until that is the process last.
func reap(last int) {
	for {
		pid, err := unix.Wait4(-1, nil, 0, nil)
		if pid == last || err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func mount() error {
	for _, m := range [...]struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/run"}, {"cgroup2", "/sys/fs/cgroup"},
	} {
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	return nil
}

func inGuest() error {
	port, err := os.OpenFile(guestPort, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open the port: %w", err)
	}
	defer port.Close()
	say := speaker{port}
	text, err := os.ReadFile(guestPlan)
	if err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	var p plan
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	for _, path := range p.Modules {
		if err := loadModule(path); err != nil {
			fmt.Println("kernels: guest:", err) // on the console; what needs it fails and says so
		}
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	for _, c := range p.Commands {
		say.begin(c.Name)
		code := runCommand(c, say)
		say.end(c.Name, code)
	}
	say.done()
	return drain(port)
}

func loopbackUp() error {
	if out, err := exec.Command("/bin/ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("bring the loopback up: %w: %s", err, out)
	}
	return nil
}

func loadModule(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("load %s: %w", path, err)
	}
	return nil
}

// runCommand says what a command says, line by line.
func runCommand(c command, say speaker) int {
	r, w, err := os.Pipe()
	if err != nil {
		return -1
	}
	cmd := exec.CommandContext(context.Background(), c.Args[0], c.Args[1:]...)
	cmd.Stdout, cmd.Stderr = w, w
	cmd.Env = []string{"PATH=/bin", "HOME=/", "TMPDIR=/tmp", "GOGC=400", "PEERSCOPE_BIN=" + guestTool, "PEERSCOPE_LAB_ACTOR=" + guestActor, "PEERSCOPE_LAB_PATIENCE=10"}
	err = cmd.Start()
	w.Close()
	if err != nil {
		say.line(err.Error())
		return -1
	}
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			say.line(line)
		}
		if err != nil {
			break
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		say.line(err.Error())
		return -1
	}
	return 0
}

// drain waits until the port has sent everything.
func drain(port *os.File) error {
	const tcsbrk, wait = 0x5409, 1 // a break of length 1 is none: it only waits
	if err := unix.IoctlSetInt(int(port.Fd()), tcsbrk, wait); err != nil {
		return fmt.Errorf("wait for the port: %w", err)
	}
	return nil
}
