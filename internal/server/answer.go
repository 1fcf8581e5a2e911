package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"peerscope/internal/accept"
)

// worthwhile is from how many bytes on an answer is compressed.
const worthwhile = 1 << 10

// answer is what many clients can be sent. It is safe for concurrent use.
type answer struct {
	body      []byte
	mediaType string
	name      string // of the file it is saved as; empty: it is shown
	tag       string

	once   sync.Once
	packed []byte // nil: not worthwhile
}

func newAnswer(body []byte, mediaType string) *answer {
	sum := sha256.Sum256(body)
	return &answer{body: body, mediaType: mediaType, tag: `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// jsonAnswer encodes v in one line. What text of processes has of HTML stays as
// it is: nobody takes JSON for a page, as its media type says and is kept to.
func jsonAnswer(v any) (*answer, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return newAnswer(b.Bytes(), "application/json"), nil
}

// cost is what it takes of memory, with what it may be compressed to.
func (a *answer) cost() int64 { return int64(len(a.body)) + int64(len(a.body))/4 + 512 }

func (a *answer) pack() []byte {
	a.once.Do(func() {
		if len(a.body) <= worthwhile {
			return
		}
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is one of its own
		_, _ = z.Write(a.body)
		if z.Close() == nil && b.Len() < len(a.body) {
			a.packed = b.Bytes()
		}
	})
	return a.packed
}

// send writes the answer, or that the client has it already.
func (a *answer) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("ETag", a.tag)
	h.Set("Vary", "Accept-Encoding")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache") // kept, and asked for again with its tag
	}
	if matches(r.Header.Get("If-None-Match"), a.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.mediaType)
	if a.name != "" {
		h.Set("Content-Disposition", `attachment; filename="`+a.name+`"`)
	}
	body := a.body
	if accept.Gzip(r.Header.Get("Accept-Encoding")) {
		if packed := a.pack(); packed != nil {
			h.Set("Content-Encoding", "gzip")
			body = packed
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // who asked is gone, if it fails
}

// matches: one of the tags of If-None-Match is ours.
func matches(header, tag string) bool {
	if strings.TrimSpace(header) == "*" {
		return true
	}
	for one := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(one), "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
