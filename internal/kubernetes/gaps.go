package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"peerscope/internal/flow"
)

// The codes of gaps.
const (
	gapNone    = "no_kubernetes"      // nothing was learnt of the cluster
	gapPartial = "partial_kubernetes" // of some kinds of objects nothing was, or not all
)

// wouldRunError: a configuration that nobody named wants a program to be started.
type wouldRunError struct{ program string }

func (e *wouldRunError) Error() string {
	return fmt.Sprintf("it wants the program %s to be started to log in", e.program)
}

// Gaps says what is not known by now, and why. None if nobody had to be asked.
func (c *Cluster) Gaps() []flow.Gap {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.asking {
		if c.denied != nil {
			return []flow.Gap{{Code: gapNone, Reason: reason(c.denied) + ": pods are not named", Fix: "run as root, or give the program CAP_DAC_READ_SEARCH"}}
		}
		return nil
	}
	from := "the API server of " + c.cfg.Access.From
	if c.setup != nil {
		fix := "check the file with kubectl, or name another with --kubeconfig"
		var run *wouldRunError
		if errors.As(c.setup, &run) {
			fix = "name the file with --kubeconfig to allow that"
		}
		return []flow.Gap{{Code: gapNone, Reason: fmt.Sprintf("%s was not asked: %s", from, reason(c.setup)), Fix: fix}}
	}
	var missing []string
	var first error
	lacking, synced := 0, 0
	for _, k := range c.kinds {
		ok, part, err := k.state()
		switch {
		case !ok && err == nil:
			err = errNoAnswer
			fallthrough
		case !ok:
			missing = append(missing, k.name+": "+reason(err))
			lacking++
		case err != nil:
			missing = append(missing, k.name+" since then: "+reason(err))
		case part:
			missing = append(missing, k.name+" of other nodes: denied")
			first = firstOf(first, errDenied)
		}
		if ok {
			synced++
		}
		first = firstOf(first, err)
	}
	if len(missing) == 0 {
		return nil
	}
	if synced == 0 && lacking > 0 {
		return []flow.Gap{{Code: gapNone, Reason: fmt.Sprintf("nothing was learnt from %s: %s", from, reason(first)), Fix: fixOf(first)}}
	}
	return []flow.Gap{{Code: gapPartial, Reason: fmt.Sprintf("not all was learnt from %s: %s", from, strings.Join(missing, "; ")), Fix: fixOf(first)}}
}

var (
	errDenied   = errors.New("denied")
	errNoAnswer = errors.New("no answer yet")
)

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// fixOf says how a failure is mended.
func fixOf(err error) string {
	switch {
	case apierrors.IsForbidden(err), errors.Is(err, errDenied):
		return "allow list and watch with the rules of docs/KUBERNETES.md"
	case apierrors.IsUnauthorized(err):
		return "log in anew, or name another file with --kubeconfig"
	case apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err), apierrors.IsTooManyRequests(err), apierrors.IsServerTimeout(err), apierrors.IsTimeout(err):
		return "ask again when the API server is well"
	case isGarbage(err):
		return "check that the address is that of a Kubernetes API server"
	}
	return "check that the API server can be reached from here"
}

// isGarbage: somebody answered, but nothing that can be read.
func isGarbage(err error) bool {
	var net *url.Error
	return !errors.As(err, &net) && !errors.Is(err, errNoAnswer) && !errors.Is(err, context.DeadlineExceeded)
}

// reason is an error in a few words: the innermost one of the network, or what
// the server says.
func reason(err error) string {
	var u *url.Error
	text := err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		text = "no answer in time"
	case apierrors.IsForbidden(err):
		text = "denied"
	case apierrors.IsUnauthorized(err):
		text = "not logged in"
	case errors.As(err, &u):
		text = u.Err.Error()
	}
	text = strings.Join(strings.Fields(text), " ")
	const longest = 200
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return text
}
