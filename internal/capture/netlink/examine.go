package netlink

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/netns"
	"peerscope/internal/flow"
)

// Finding is one thing that this source needs, tried on this host.
type Finding struct {
	Name   string
	OK     bool
	Detail string
	Fix    string
}

// Examine tries what the source needs, in this program's own namespace and
// against one other. It changes nothing.
func Examine(procRoot string) []Finding {
	var out []Finding
	try := func(name, good string, f func() (string, error)) {
		detail, err := f()
		v := Finding{Name: name, OK: err == nil, Detail: good + detail}
		if err != nil {
			v.Detail = err.Error()
			var gap *gapError
			if errors.As(err, &gap) {
				v.Detail, v.Fix = gap.Reason, gap.Gap.Fix
			}
		}
		out = append(out, v)
	}
	try("socket dumps", "the kernel lists sockets with their counters", func() (string, error) {
		c, err := dialSockets()
		if err != nil {
			return "", err
		}
		defer c.Close()
		n, counted := 0, 0
		err = dumpInet(c, inetRequest{Family: unix.AF_INET, Transport: flow.TCP, States: liveStates, Info: true}, func(d *inetSocket) error {
			if d.State == flow.Listen {
				return nil // has no payload to count
			}
			if n++; d.HasSent && d.HasAcked {
				counted++
			}
			return nil
		})
		if err == nil && n > 0 && counted == 0 {
			return "", &gapError{Gap: flow.Gap{Reason: "the kernel lists sockets without payload counters", Fix: "use Linux 4.19 or newer"}}
		}
		return "", err
	})
	try("deaths of sockets", "the kernel tells the end of every TCP connection, however short", func() (string, error) {
		c, err := dialDeaths(flow.TCP)
		if err != nil {
			return "", &gapError{Gap: flow.Gap{Reason: "the kernel does not tell when sockets die, so connections between two looks are missed", Fix: "use Linux 4.4 or newer with CONFIG_INET_DIAG"}, err: err}
		}
		return "", c.Close()
	})
	try("births and deaths of processes", "the kernel tells them", func() (string, error) {
		p, err := dialProcEvents(func(procEvent) {})
		if err != nil {
			return "", err
		}
		return "", p.close()
	})
	try("namespaces", "", func() (string, error) {
		survey, err := netns.OpenSurvey(nil, procRoot)
		if err != nil {
			return "", err
		}
		defer survey.Close()
		if err := survey.Scan(); err != nil {
			return "", err
		}
		seen := survey.Inodes()
		if len(seen) == 1 {
			return "1 network namespace is seen", nil
		}
		return fmt.Sprintf("%d network namespaces are seen", len(seen)), nil
	})
	return out
}
