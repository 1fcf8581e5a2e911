package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// defaultSources are those that the lab plays if it is not told which.
func defaultSources() []string { return []string{SourceEBPF, SourceNetlink} }

// sourcesOf reads a list of sources, separated by commas; empty: the default.
func sourcesOf(list string) ([]string, error) {
	if list == "" {
		return defaultSources(), nil
	}
	var out []string
	for _, name := range strings.Split(list, ",") {
		if name != SourceNetlink && name != SourceEBPF {
			return nil, fmt.Errorf("unknown source %q: it is %s or %s", name, SourceEBPF, SourceNetlink)
		}
		out = append(out, name)
	}
	return out, nil
}

// Exit codes of the tool that say that it cannot use a source here.
const (
	exitPrivilege = 3
	exitKernel    = 4
)

// offers leaves a group of scenarios out if the tool says that it cannot use
// their source here.
func (b *Bench) offers(t testing.TB, source string) {
	t.Helper()
	if b.Tool == "" {
		return
	}
	if why := b.unable(t, source); why != "" {
		skip(t, "the tool cannot use %s here, %s", source, why)
	}
}

// unable asks the tool for a map of an empty namespace. It returns the tool's
// reason why it cannot use the source; any other error fails the test.
func (b *Bench) unable(t testing.TB, source string) string {
	t.Helper()
	n := newNetns(t, fmt.Sprintf("%s%d-probe-%s", netnsPrefix, os.Getpid(), source))
	var stderr strings.Builder
	cmd := exec.Command(b.Tool, "map", "--for", "0", "--source", source, "--netns", n.Name, "-o", "json")
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() == exitPrivilege || exit.ExitCode() == exitKernel) {
		return fmt.Sprintf("exit code %d: %s", exit.ExitCode(), lastLine(stderr.String()))
	}
	if err != nil {
		t.Fatalf("tool with source %s: %v\n%s", source, err, stderr.String())
	}
	return ""
}

// lastLine is where a program says why it ended.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return cmp.Or(lines[len(lines)-1], "it does not say why")
}
