//go:build kubernetes

package kubernetes_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// tape keeps what an API server answered: a file for each list and each watch,
// its first line the type of the content. No headers, and so no secrets, are kept.
type tape struct {
	folder string
	mu     sync.Mutex
	bodies map[string]*bytes.Buffer
}

func (p *tape) record(r *http.Response) error {
	name := filepath.Base(r.Request.URL.Path) + ".list"
	if r.Request.URL.Query().Get("watch") != "" {
		name = filepath.Base(r.Request.URL.Path) + ".watch"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bodies == nil {
		p.bodies = map[string]*bytes.Buffer{}
	}
	b := bytes.NewBufferString(r.Header.Get("Content-Type") + "\n")
	p.bodies[name] = b
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.Body, p.into(b)), r.Body}
	return nil
}

func (p *tape) into(b *bytes.Buffer) io.Writer {
	return writer(func(data []byte) (int, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return b.Write(data)
	})
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func (p *tape) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for n := range p.bodies {
		out = append(out, n)
	}
	return out
}

func (p *tape) write(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := os.MkdirAll(p.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range p.bodies {
		if err := os.WriteFile(filepath.Join(p.folder, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
