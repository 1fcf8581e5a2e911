package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

const (
	maxHeader = 16 << 10 // bytes of a request's line and headers
	maxTarget = 8 << 10  // bytes of its path and query
	// writeTime is how long an answer may take to be written; of a stream each
	// event.
	writeTime = 30 * time.Second
)

// contentPolicy lets a page load nothing but what this server has.
const contentPolicy = "default-src 'self'; img-src 'self' data:; style-src 'self'; connect-src 'self'; " +
	"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard lets through what a client of this server may ask, and answers the rest.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.recover(w, r)
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		s.deadlines(w, r)
		if p := s.refusal(r); p != nil {
			s.counters.refused.Add(1)
			p.write(w)
			return
		}
		if s.door.enter(w, r) {
			return
		}
		if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" && !s.door.admits(r) {
			s.counters.unauthorized.Add(1)
			s.door.challenge(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// deadlines bound how long an answer takes to be written. What was to be read is
// read, unless something follows the headers, which is of no use here.
func (s *Server) deadlines(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w) // without a connection, in tests, there are no deadlines
	_ = control.SetWriteDeadline(time.Now().Add(writeTime))
	if r.ContentLength == 0 {
		_ = control.SetReadDeadline(time.Time{})
	}
}

// recover turns a panic into an answer. That of an answer that was broken off on
// purpose goes on.
func (s *Server) recover(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	s.counters.panics.Add(1)
	s.c.Log.Error("panic while answering", "path", r.URL.Path, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	newProblem(http.StatusInternalServerError, codeInternal,
		"the answer could not be made because of a mistake in the program; its log has the place").write(w)
}

// refusal is why a request is not looked at any further; nil: it is.
func (s *Server) refusal(r *http.Request) *problem {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return newProblem(http.StatusMethodNotAllowed, codeMethod, "nothing can be changed here: use GET")
	case len(r.RequestURI) > maxTarget:
		return newProblem(http.StatusRequestURITooLong, codeTooLong, fmt.Sprintf("the address has %d bytes, at most %d are read", len(r.RequestURI), maxTarget))
	case !strings.HasPrefix(r.RequestURI, "/"):
		return notFound(fmt.Sprintf("there is nothing at %.80q: a path begins with /", r.RequestURI))
	case !s.hosts.allow(r.Host):
		return newProblem(http.StatusMisdirectedRequest, codeForbiddenHost, fmt.Sprintf(
			"this server is not called %.80q: call it by its address, or by localhost on its own host", r.Host))
	}
	if origin := r.Header.Get("Origin"); origin != "" && !sameOrigin(origin, r) {
		return newProblem(http.StatusForbidden, codeForbiddenOrigin, fmt.Sprintf("pages of %.80q may not read this server", origin))
	}
	if site := r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") && !isNavigation(r) {
		return newProblem(http.StatusForbidden, codeForbiddenOrigin, "pages of other sites may not read this server")
	}
	return nil
}

// isNavigation: somebody follows a link to a page, whose content the linking
// page does not get.
func isNavigation(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// sameOrigin: the page is one of this server. Behind a proxy that ends TLS the
// schemes differ.
func sameOrigin(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, r.Host)
}

// hosts are the names that the server goes by. A page of another site can make
// its own name lead here (DNS rebinding), but then the name is its own.
type hosts struct{ names []string }

func newHosts(c *Config) hosts {
	names := []string{"localhost"}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && host != "" {
		names = append(names, host)
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		host, _, _ := net.SplitHostPort(c.Listen)
		if !isLoopback(host) {
			names = append(names, name)
		}
	}
	return hosts{append(names, c.Hosts...)}
}

// allow: addresses are always allowed, as nobody can make one lead elsewhere.
func (h hosts) allow(hostport string) bool {
	host := hostport
	if name, _, err := net.SplitHostPort(hostport); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), ".")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return slices.ContainsFunc(h.names, func(name string) bool { return strings.EqualFold(name, host) })
}
