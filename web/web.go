// Package web is the web map as files: a page, its script, its style sheet and the
// licences of what they contain. Its sources in src and vendor are bundled into
// dist by `go generate ./web`; dist is committed, so building Peerscope needs
// neither Node nor npm. All that the page knows it asks of the HTTP API.
package web

import (
	"embed"
	"io/fs"
)

//go:generate go run -C build .

//go:embed dist
var dist embed.FS

// Files are the files to serve; index.html is the page. They ask for nothing
// outside, and work under the content security policy
//
//	default-src 'self'; img-src 'self' data:; style-src 'self'; connect-src 'self'
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only for a name that is no path
	}
	return files
}
