package server

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// file writes one that only its owner reads.
func file(t testing.TB, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const token = "0123456789abcdef0123456789abcdef"

// TestNamesAndOrigins: whatever leads a browser here, a page of another site
// reads nothing, the stream included.
func TestNamesAndOrigins(t *testing.T) {
	s := tester(t, func(c *Config) { c.Hosts = []string{"peerscope.example"} })
	for _, target := range []string{"/api/v1/status", "/", "/metrics", "/healthz", "/api/v1/graph/stream?level=x"} {
		ok := get(t, s, target).StatusCode // what it is without anything special
		for _, x := range []struct {
			header []string
			want   int
		}{
			{[]string{"Host", "localhost:4180"}, ok}, {[]string{"Host", "127.0.0.1"}, ok}, {[]string{"Host", "[::1]:4180"}, ok}, {[]string{"Host", "10.1.2.3:80"}, ok},
			{[]string{"Host", "LOCALHOST.:4180"}, ok}, {[]string{"Host", "peerscope.example"}, ok},
			{[]string{"Host", "evil.example"}, 421}, {[]string{"Host", "localhost.evil.example"}, 421}, {[]string{"Host", "127.0.0.1.evil.example:4180"}, 421}, {[]string{"Host", ""}, 421},
			{[]string{"Origin", "http://127.0.0.1:4180"}, ok}, {[]string{"Origin", "https://127.0.0.1:4180"}, ok},
			{[]string{"Origin", "http://evil.example"}, 403}, {[]string{"Origin", "null"}, 403}, {[]string{"Origin", "http://127.0.0.1:8080"}, 403}, {[]string{"Origin", "http://localhost:4180"}, 403},
			{[]string{"Sec-Fetch-Site", "same-origin"}, ok}, {[]string{"Sec-Fetch-Site", "none"}, ok}, {[]string{"Sec-Fetch-Site", "cross-site"}, 403}, {[]string{"Sec-Fetch-Site", "same-site"}, 403},
			{[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, ok},
			{[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		} {
			if got := get(t, s, target, x.header...).StatusCode; got != x.want {
				t.Errorf("%s with %q: %d, want %d", target, x.header, got, x.want)
			}
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "TRACE"} {
		r := httptest.NewRequest(method, "/api/v1/status", nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		s.guard(s.mux()).ServeHTTP(w, r)
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	s := tester(t, nil)
	for _, target := range []string{"/", "/api/v1/status", "/nothing", "/api/v1/graph?x=1"} {
		h := get(t, s, target).Header
		for name, want := range map[string]string{"Content-Security-Policy": contentPolicy, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s of %s: %q, want %q", name, target, got, want)
			}
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s lets other origins in", target)
		}
	}
}

func TestToken(t *testing.T) {
	s := tester(t, func(c *Config) { c.TokenFile = file(t, token+"\n") })
	for _, x := range []struct {
		name string
		head func(*http.Request)
		want int
	}{
		{"nothing", func(*http.Request) {}, 401},
		{"the token", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }, 200},
		{"the token, in a browser", func(r *http.Request) { r.SetBasicAuth("me", token) }, 200},
		{"another token", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token[1:]) }, 401},
		{"an empty token", func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") }, 401},
		{"the token as user", func(r *http.Request) { r.SetBasicAuth(token, "") }, 401},
		{"a session that was made up", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: sessionCookie, Value: "x"}) }, 401},
	} {
		for _, target := range []string{"/api/v1/status", "/", "/api/v1/graph", "/openapi.yaml"} {
			r := httptest.NewRequest(http.MethodGet, target, nil)
			r.Host = "localhost"
			x.head(r)
			w := httptest.NewRecorder()
			s.guard(s.mux()).ServeHTTP(w, r)
			if w.Code != x.want || (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") {
				t.Errorf("%s with %s: %d, want %d", target, x.name, w.Code, x.want)
			}
		}
	}
	if got := get(t, s, "/healthz").StatusCode; got != 200 {
		t.Errorf("a probe of health: %d", got)
	}
	if got := get(t, s, "/metrics").StatusCode; got != 401 {
		t.Errorf("metrics without a token: %d", got)
	}
}

// TestLinkOpensOnce: the link that is printed opens once, as a session that ends.
func TestLinkOpensOnce(t *testing.T) {
	s := tester(t, func(c *Config) { c.TokenFile = file(t, token) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.listener = l
	s.now = time.Now
	link := s.URL()
	_, query, _ := strings.Cut(link, "?")
	if !strings.HasPrefix(link, "http://127.0.0.1:") || !strings.HasPrefix(query, "token=") {
		t.Fatalf("link %s", link)
	}
	w := httptest.NewRecorder()
	alive := httptest.NewRequest(http.MethodHead, "/?"+query, nil)
	alive.Host = "127.0.0.1"
	if s.guard(s.mux()).ServeHTTP(w, alive); w.Code != 401 {
		t.Errorf("HEAD: %d", w.Code)
	}
	first := get(t, s, "/?level=pod&"+query)
	if first.StatusCode != http.StatusSeeOther || first.Header.Get("Location") != "/?level=pod" {
		t.Fatalf("the link leads to %d %s", first.StatusCode, first.Header.Get("Location"))
	}
	cookie := first.Header.Get("Set-Cookie")
	for _, part := range []string{sessionCookie + "=", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="} {
		if !strings.Contains(cookie, part) {
			t.Errorf("cookie %s lacks %s", cookie, part)
		}
	}
	session, _, _ := strings.Cut(cookie, ";")
	if got := get(t, s, "/api/v1/status", "Cookie", session).StatusCode; got != 200 {
		t.Errorf("with the session: %d", got)
	}
	if got := get(t, s, "/?"+query).StatusCode; got != 401 {
		t.Errorf("the link, again: %d", got)
	}
	if got := get(t, s, "/?"+query, "Cookie", session).StatusCode; got != http.StatusSeeOther {
		t.Errorf("the link, again, by who is in: %d", got)
	}
	if got := get(t, s, "/api/v1/graph?"+query).StatusCode; got != 401 {
		t.Errorf("the token elsewhere: %d", got)
	}
	if at := find(s.door.sessions.open, strings.TrimPrefix(session, sessionCookie+"="), time.Now().Add(sessionLength)); at >= 0 {
		t.Error("the session does not end")
	}
	for range 3 * mostSessions {
		s.door.sessions.redeem(s.door.sessions.ticket(time.Now()), time.Now())
		s.door.sessions.ticket(time.Now())
	}
	if a, b := len(s.door.sessions.open), len(s.door.sessions.tickets); a > mostSessions || b > mostSessions {
		t.Errorf("%d sessions and %d links are remembered", a, b)
	}
	plain := tester(t, nil)
	plain.listener = l
	if got := plain.URL(); strings.Contains(got, "token") {
		t.Errorf("nobody is asked, and the link is %s", got)
	}
}

func TestPasswords(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("hunter22"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	s := tester(t, func(c *Config) { c.BasicAuthFile = file(t, "# people\n\nana:"+string(hash)+"\n") })
	for range 2 { // the second time it is remembered
		for _, x := range []struct {
			user, password string
			want           bool
		}{{"ana", "hunter22", true}, {"ana", "hunter23", false}, {"bob", "hunter22", false}, {"ana", "", false}, {"", "", false}, {"ana", strings.Repeat("x", 100), false}} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.SetBasicAuth(x.user, x.password)
			if got := s.door.admits(r); got != x.want {
				t.Errorf("%s with %.20q: %t", x.user, x.password, got)
			}
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer hunter22")
	if s.door.admits(r) {
		t.Error("a password is taken for a token")
	}
}

// TestNewRefuses: what cannot be served safely is not, and one line says why and
// how to mend it.
func TestNewRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	open := file(t, token)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]Config{
		"another program has that port, perhaps another peerscope serve: choose one with --listen 127.0.0.1:": {Listen: taken.Addr().String()},
		"listen on 0.0.0.0:0: other hosts reach it, and nobody is asked who he is: set a token file":          {Listen: "0.0.0.0:0"},
		"listen on :0: other hosts reach it":                              {Listen: ":0"},
		"listen on [::]:0: other hosts reach it":                          {Listen: "[::]:0"},
		`listen on "4180": it is host:port`:                               {Listen: "4180"},
		"this host does not have that address":                            {Listen: "192.0.2.1:0", Insecure: true},
		"read token: every user may read":                                 {TokenFile: open},
		"must have one word of 16 characters":                             {TokenFile: file(t, "short")},
		"read token: open /nonexistent":                                   {TokenFile: "/nonexistent"},
		"there is no user in it":                                          {BasicAuthFile: file(t, "# nobody\n")},
		"line 1 is not user:hash":                                         {BasicAuthFile: file(t, "nobody\n")},
		"line 1 has no bcrypt hash: make the line with: htpasswd -nB ana": {BasicAuthFile: file(t, "ana:plain\n")},
		"certificates of clients are seen over TLS only":                  {ClientCAFile: open},
		"read certificate /x and key /y":                                  {CertFile: "/x", KeyFile: "/y"},
	} {
		if c.Listen == "" {
			c.Listen = "127.0.0.1:0"
		}
		s, err := New(c)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v\n got %v\nwant %s", c, err, want)
		}
	}
	for _, c := range []Config{{Listen: "127.0.0.1:0"}, {Listen: "[::1]:0"}, {Listen: "localhost:0"}, {Listen: "0.0.0.0:0", Insecure: true}, {Listen: "0.0.0.0:0", TokenFile: file(t, token)}} {
		s, err := New(c)
		if errors.Is(err, os.ErrNotExist) || err != nil && strings.Contains(err.Error(), "does not have that address") {
			continue // no IPv6 here
		}
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		s.Close()
	}
}

// TestRunAndEnd: a server answers as soon as it runs, and ends when it is told to
// although somebody still looks.
func TestRunAndEnd(t *testing.T) {
	s, err := New(Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	s.Publish(shop(noon, noon.Add(time.Second), 1))
	r, err := http.Get(s.URL() + "api/v1/graph/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	l := &listener{t, bufio.NewReader(r.Body), r.Body}
	if e := l.next(); e.kind != "snapshot" {
		t.Errorf("the first event is %s", e.kind)
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run does not end")
	}
	for e := l.next(); e.kind != "bye"; e = l.next() {
		t.Logf("%s before bye", e.kind)
	}
}

// TestPanicIsAnAnswer, wherever it happens.
func TestPanicIsAnAnswer(t *testing.T) {
	s := tester(t, func(c *Config) { c.Self = func() any { panic("on purpose") } })
	if p := into[problem](t, get(t, s, "/api/v1/status"), 500); p.Code != codeInternal || strings.Contains(p.Detail, "purpose") {
		t.Errorf("%+v", p)
	}
	_, err := cached(context.Background(), s.cache, "k", func(context.Context) (int, int64, error) { panic("on purpose") })
	var panicked *panicError
	if !errors.As(err, &panicked) {
		t.Errorf("%v", err)
	}
	if got := s.Counters()["panics"]; got != 1 {
		t.Errorf("%d panics are counted", got)
	}
}

// TestClientCertificates: without one of the authority nobody comes in.
func TestClientCertificates(t *testing.T) {
	ca, caKey := certificate(t, nil, nil)
	server, serverKey := certificate(t, ca, caKey)
	client, clientKey := certificate(t, ca, caKey)
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	keyDER := func(k *ecdsa.PrivateKey) []byte {
		b, err := x509.MarshalECPrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	c := Config{Listen: "0.0.0.0:0", CertFile: write("cert", "CERTIFICATE", server.Raw), KeyFile: write("key", "EC PRIVATE KEY", keyDER(serverKey)), ClientCAFile: write("ca", "CERTIFICATE", ca.Raw)}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { _ = s.Run(ctx) }()
	if !strings.HasPrefix(s.URL(), "https://127.0.0.1:") {
		t.Errorf("link %s", s.URL())
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	ask := func(certificates ...tls.Certificate) (*http.Response, error) {
		h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certificates}}, Timeout: 10 * time.Second}
		return h.Get(s.URL() + "api/v1/status")
	}
	if r, err := ask(); err == nil {
		r.Body.Close()
		t.Error("somebody without a certificate comes in")
	}
	r, err := ask(tls.Certificate{Certificate: [][]byte{client.Raw}, PrivateKey: clientKey})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if got := into[status](t, r, 200); len(got.Auth) != 1 || got.Auth[0] != "mtls" {
		t.Errorf("authentication %v", got.Auth)
	}
}

// certificate makes one, signed by parent; by itself if that is nil.
func certificate(t *testing.T, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if parent == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out, key
}
