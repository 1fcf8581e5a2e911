package server

import (
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"peerscope/internal/spelling"
)

// files are the web interface, read and compressed once.
type files struct {
	by map[string]*answer // by path, with its slash
}

// maxWeb bounds what is kept of the files, in bytes.
const maxWeb = 32 << 20

// readFiles takes all files of the web interface; without one there is a page of
// links.
func readFiles(web fs.FS) (*files, error) {
	f := &files{by: map[string]*answer{}}
	if web == nil {
		f.by["/"] = newAnswer([]byte(links), "text/html; charset=utf-8")
		return f, nil
	}
	size := 0
	err := fs.WalkDir(web, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(web, name)
		if err != nil {
			return err
		}
		if size += len(b); size > maxWeb {
			return fmt.Errorf("the files have more than %d MiB", maxWeb>>20)
		}
		a := newAnswer(b, typeOf(name))
		a.pack()
		f.by["/"+name] = a
		return nil
	})
	if err != nil {
		return nil, err
	}
	if f.by["/index.html"] == nil {
		return nil, errors.New("there is no index.html")
	}
	f.by["/"] = f.by["/index.html"]
	return f, nil
}

// typeOf is the media type of a file, whatever this machine thinks of its name.
func typeOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".ico":
		return "image/x-icon"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".woff2":
		return "font/woff2"
	case ".txt":
		return "text/plain; charset=utf-8"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
	}
	return "application/octet-stream"
}

// web answers with a file. Its query belongs to the page.
func (s *Server) web(w http.ResponseWriter, r *http.Request) {
	if a := s.files.by[r.URL.Path]; a != nil {
		a.send(w, r)
		return
	}
	detail := fmt.Sprintf("there is nothing at %.80q: /openapi.yaml says what there is", r.URL.Path)
	if strings.HasPrefix(r.URL.Path, "/api/") {
		var paths []string
		for _, x := range routes() {
			paths = append(paths, x.path)
		}
		if near := spelling.Nearest(r.URL.Path, paths); near != "" {
			detail += fmt.Sprintf(", perhaps you mean %s", near)
		}
	}
	notFound(detail).write(w)
}

// links is the page where there is no web interface.
const links = `<!doctype html><meta charset="utf-8"><title>Peerscope</title>
<h1>Peerscope</h1><p>This build has no web interface. The API:
<ul><li><a href="/api/v1/graph">graph</a><li><a href="/api/v1/map">map</a><li><a href="/api/v1/edges">edges</a>
<li><a href="/api/v1/status">status</a><li><a href="/metrics">metrics</a><li><a href="/openapi.yaml">what there is</a></ul>
`
