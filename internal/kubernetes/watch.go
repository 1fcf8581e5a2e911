package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const (
	// page is how many objects are asked for at once: what bounds the memory of
	// the first list.
	page = 200
	// patience is how long one page may take.
	patience = 30 * time.Second
)

// kind is one kind of object that is listed and watched.
type kind struct {
	name     string // as in rules of access: pods
	expected runtime.Object
	list     func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch    func(context.Context, metav1.ListOptions) (watch.Interface, error)
	store    *store

	// here selects those of this node, to be asked for where all are denied; empty:
	// there is no such choice.
	here string

	mu     sync.Mutex
	synced bool  // a list is complete
	err    error // of the last try, if that failed
	part   bool  // only those of this node are read
}

// state is what a gap is made of.
func (k *kind) state() (synced, part bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.synced, k.part, k.err
}

func (k *kind) note(f func()) {
	k.mu.Lock()
	f()
	k.mu.Unlock()
}

// run lists and watches until ctx ends. The reflector begins anew where a watch
// ends or the server has forgotten where it began (410), more and more slowly
// where that fails.
func (k *kind) run(ctx context.Context, retry time.Duration) {
	backoff := wait.Backoff{Duration: retry, Cap: 30 * time.Second, Steps: 16, Factor: 2, Jitter: 1}
	r := cache.NewReflectorWithOptions(k, k.expected, k.store, cache.ReflectorOptions{Name: k.name, Backoff: &backoff})
	r.WatchListPageSize = page
	r.RunWithContext(ctx)
}

// IsWatchListSemanticsUnSupported: lists come page by page.
func (k *kind) IsWatchListSemanticsUnSupported() bool { return true }

// List and Watch are what the reflector calls.
func (k *kind) List(o metav1.ListOptions) (runtime.Object, error) {
	return k.ListWithContext(context.Background(), o)
}

// ListWithContext reads one page.
func (k *kind) ListWithContext(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	if o.ResourceVersion == "0" {
		// The server would answer from its cache at once and whole.
		o.ResourceVersion = ""
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if o.Continue == "" { // rights may have been given since the last time
		k.note(func() { k.part = false })
	}
	out, err := k.list(ctx, k.narrowed(o))
	if apierrors.IsForbidden(err) && k.here != "" && o.Continue == "" {
		k.note(func() { k.part = true })
		out, err = k.list(ctx, k.narrowed(o))
	}
	// Both clients read an object of another kind as an empty list, without an error.
	// A list has a version at all times.
	if m, ok := out.(metav1.ListInterface); err == nil && (!ok || m.GetResourceVersion() == "") {
		err = errNoList
	}
	if err != nil {
		k.note(func() { k.err = err })
		return nil, err
	}
	return out, nil
}

// narrowed asks for those of this node, if that is all there is to have.
func (k *kind) narrowed(o metav1.ListOptions) metav1.ListOptions {
	if _, part, _ := k.state(); part {
		o.FieldSelector = k.here
	}
	return o
}

// Watch is WatchWithContext without an end.
func (k *kind) Watch(o metav1.ListOptions) (watch.Interface, error) {
	return k.WatchWithContext(context.Background(), o)
}

// WatchWithContext is called after a list is in the store.
func (k *kind) WatchWithContext(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	w, err := k.watch(ctx, k.narrowed(o))
	k.note(func() { k.err = err })
	return w, err
}

// newKinds are all that is asked for.
func (c *Cluster) newKinds(cfg *rest.Config) ([]*kind, error) {
	core, err := coreClient(cfg)
	if err != nil {
		return nil, err
	}
	meta, err := metadata.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	text := &texts{}
	pods := typed(core, "pods", &corev1.Pod{}, func() runtime.Object { return &corev1.PodList{} })
	pods.store = &store{d: c.Directory, put: func(o any) string { return c.putPod(o, text) }, drop: func(uid string) { c.dropPod(uid, now()) }}
	services := typed(core, "services", &corev1.Service{}, func() runtime.Object { return &corev1.ServiceList{} })
	services.store = &store{d: c.Directory, put: func(o any) string { return c.putService(o, text) }, drop: c.dropService}
	nodes := typed(core, "nodes", &corev1.Node{}, func() runtime.Object { return &corev1.NodeList{} })
	nodes.store = &store{d: c.Directory, put: func(o any) string { return c.putNode(o, text) }, drop: c.dropNode}
	out := []*kind{pods, services, nodes}
	for _, r := range [...]schema.GroupVersionResource{
		{Group: "apps", Version: "v1", Resource: "replicasets"}, {Group: "batch", Version: "v1", Resource: "jobs"},
	} {
		k := owners(meta, r)
		k.store = &store{d: c.Directory, put: func(o any) string { return c.putOwner(o, text) }, drop: func(uid string) { delete(c.owners, uid) }}
		out = append(out, k)
	}
	for _, k := range out {
		k.store.kind = k
	}
	pods.here = "spec.nodeName=" + c.cfg.Node
	return out, nil
}

// coreClient speaks the binary format: it is read several times as fast as JSON.
func coreClient(cfg *rest.Config) (*rest.RESTClient, error) {
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	metav1.AddToGroupVersion(scheme, corev1.SchemeGroupVersion)
	cfg = rest.CopyConfig(cfg)
	cfg.GroupVersion, cfg.APIPath = &corev1.SchemeGroupVersion, "/api"
	cfg.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	cfg.ContentType = runtime.ContentTypeProtobuf
	cfg.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	client, err := rest.RESTClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return client, nil
}

// typed is a kind of which the whole objects are read, and little is kept.
func typed(c *rest.RESTClient, name string, expected runtime.Object, list func() runtime.Object) *kind {
	codec := metav1.ParameterCodec
	return &kind{name: name, expected: expected,
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			into := list()
			if err := c.Get().Resource(name).VersionedParams(&o, codec).Do(ctx).Into(into); err != nil {
				return nil, err
			}
			trim(into)
			return into, nil
		},
		watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.Watch = true
			return c.Get().Resource(name).VersionedParams(&o, codec).Watch(ctx)
		}}
}

var errNoList = errors.New("the answer is no list")

// owners is a kind of which only the metadata is asked for: who owns it.
func owners(c metadata.Interface, r schema.GroupVersionResource) *kind {
	return &kind{name: r.Resource, expected: &metav1.PartialObjectMetadata{},
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list, err := c.Resource(r).List(ctx, o)
			if err != nil {
				return nil, err // not list: a nil list in an interface is not nil
			}
			return list, nil
		},
		watch: c.Resource(r).Watch}
}
