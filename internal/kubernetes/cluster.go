package kubernetes

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"peerscope/internal/flow"
)

// Config says where to ask. The zero value reads this host's files and asks no
// API server.
type Config struct {
	Access *Access // nil: none
	Root   string  // where the kubelet's files are; empty: this host
	// Node is the name of this node, if it is known. Where the pods of all nodes
	// may not be listed, those of this one are.
	Node string
	// Every is how often the kubelet's files are read while something is not known
	// of a pod; 0: ten seconds.
	Every time.Duration
	// Retry is how long to wait after the first failure of an API server; it doubles
	// with each, up to half a minute. 0: 800 milliseconds.
	Retry time.Duration
}

// Cluster keeps a Directory up to date.
type Cluster struct {
	*Directory
	cfg    Config
	wanted chan struct{} // a pod runs here

	mu     sync.Mutex
	kinds  []*kind
	asking bool  // the API server is asked
	setup  error // why it cannot be asked at all
	denied error // why the kubelet's files cannot be read
}

// New makes one that knows nothing yet. Run acts.
func New(c Config) *Cluster {
	if c.Node == "" {
		c.Node = os.Getenv("NODE_NAME")
	}
	if c.Node == "" { // what a kubelet calls its node unless it is told otherwise
		name, _ := os.Hostname()
		c.Node = strings.ToLower(name)
	}
	if c.Every == 0 {
		c.Every = 10 * time.Second
	}
	if c.Retry == 0 {
		c.Retry = 800 * time.Millisecond
	}
	d := NewDirectory()
	d.expected = c.Access != nil
	return &Cluster{Directory: d, cfg: c, wanted: make(chan struct{}, 1)}
}

// PodSeen says that a process of a pod runs on this host. An API server that
// was only found, and not named, is asked from then on. It never waits.
func (c *Cluster) PodSeen() {
	select {
	case c.wanted <- struct{}{}:
	default:
	}
}

// Run learns until ctx ends. It serves one call.
func (c *Cluster) Run(ctx context.Context) {
	// The libraries below would write to standard error what is told as a gap.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	ctx = klog.NewContext(ctx, logr.Discard())

	c.readFiles()
	if c.cfg.Access != nil && c.cfg.Access.Asked {
		c.ask(ctx)
	}
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return
		case <-c.wanted:
		}
		if first && c.cfg.Access != nil && !c.cfg.Access.Asked {
			c.ask(ctx)
		}
		c.readFiles()
		select { // no more often than that
		case <-ctx.Done():
			return
		case <-time.After(c.cfg.Every):
		}
	}
}

func (c *Cluster) readFiles() {
	f, err := readFiles(c.cfg.Root)
	c.mu.Lock()
	c.denied = err
	c.mu.Unlock()
	if len(f.pods)+len(f.containers) > 0 || err == nil {
		c.change(func() { c.files = f })
	}
}

// ask starts a watch of each kind of object.
func (c *Cluster) ask(ctx context.Context) {
	a := c.cfg.Access
	if a.broken != nil {
		c.fail(a.broken)
		return
	}
	if program := a.runs(); program != "" && !a.Asked {
		c.fail(&wouldRunError{program})
		return
	}
	cfg := rest.CopyConfig(a.config)
	cfg.UserAgent = "peerscope"
	cfg.WarningHandler = rest.NoWarnings{}
	cfg.QPS, cfg.Burst = -1, 0 // the few requests follow each other
	kinds, err := c.newKinds(cfg)
	if err != nil {
		c.fail(err)
		return
	}
	c.mu.Lock()
	c.kinds, c.asking = kinds, true
	c.mu.Unlock()
	for _, k := range kinds {
		go k.run(ctx, c.cfg.Retry)
	}
}

func (c *Cluster) fail(err error) {
	c.mu.Lock()
	c.setup, c.asking = err, true
	c.mu.Unlock()
}

func now() flow.Time { return flow.Time(time.Now().UnixNano()) }
