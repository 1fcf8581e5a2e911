package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

// digest stands for a secret where two are compared: of one length, so that
// comparing takes the same time for all.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

func (d digest) equal(e digest) bool { return subtle.ConstantTimeCompare(d[:], e[:]) == 1 }

// door decides who may read. It is safe for concurrent use.
type door struct {
	token *digest           // nil: there is none
	users map[string][]byte // bcrypt hashes; nil: there are none
	mtls  bool              // the listener has seen a certificate already

	sessions sessions
	slow     chan struct{} // bcrypt takes a processor for a while: few at a time

	mu   sync.Mutex
	good map[digest]bool // user and password that were right, by their digest
}

// mostGood bounds how many right passwords are remembered.
const mostGood = 256

// maxSecretFile is more than any file of secrets has.
const maxSecretFile = 1 << 20

func newDoor(c *Config) (*door, error) {
	d := &door{slow: make(chan struct{}, 2), good: map[digest]bool{}, mtls: c.ClientCAFile != ""}
	if c.TokenFile != "" {
		b, err := readSecret(c.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("read token: %w", err)
		}
		token := strings.TrimSpace(string(b))
		const least = 16
		if len(token) < least || strings.ContainsAny(token, " \t\r\n") {
			return nil, fmt.Errorf("read token: %s must have one word of %d characters or more; make one with: openssl rand -hex 32", c.TokenFile, least)
		}
		d.token = new(digestOf(token))
	}
	if c.BasicAuthFile != "" {
		b, err := readSecret(c.BasicAuthFile)
		if err != nil {
			return nil, fmt.Errorf("read passwords: %w", err)
		}
		if d.users, err = parseUsers(bytes.NewReader(b)); err != nil {
			return nil, fmt.Errorf("read passwords of %s: %w", c.BasicAuthFile, err)
		}
	}
	return d, nil
}

// readSecret reads a file that nobody else may read.
func readSecret(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", name)
	case info.Mode().Perm()&0o007 != 0:
		return nil, fmt.Errorf("every user may read %s: chmod o= %s", name, name)
	}
	return io.ReadAll(io.LimitReader(f, maxSecretFile))
}

// parseUsers reads lines of user:hash. Empty lines and those that begin with #
// are left out.
func parseUsers(r io.Reader) (map[string][]byte, error) {
	users := map[string][]byte{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		user, hash, ok := strings.Cut(line, ":")
		if !ok || user == "" {
			return nil, fmt.Errorf("line %d is not user:hash", n)
		}
		if _, err := bcrypt.Cost([]byte(hash)); err != nil {
			return nil, fmt.Errorf("line %d has no bcrypt hash: make the line with: htpasswd -nB %.40s", n, user)
		}
		if users[user] != nil {
			return nil, fmt.Errorf("line %d names the user %.40q again", n, user)
		}
		users[user] = []byte(hash)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(users) == 0 {
		return nil, errors.New("there is no user in it")
	}
	return users, nil
}

// asks: somebody who comes must say who he is.
func (d *door) asks() bool { return d.token != nil || d.users != nil || d.mtls }

// words are the ways to show who one is.
func (d *door) words() []string {
	words := []string{}
	if d.token != nil {
		words = append(words, "token")
	}
	if d.users != nil {
		words = append(words, "basic")
	}
	if d.mtls {
		words = append(words, "mtls")
	}
	return words
}

// admits tells whether the request may be answered.
func (d *door) admits(r *http.Request) bool {
	if d.token == nil && d.users == nil {
		return true // nobody is asked, or the listener did
	}
	if c, err := r.Cookie(sessionCookie); err == nil && d.sessions.knows(c.Value) {
		return true
	}
	scheme, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return d.token != nil && digestOf(strings.TrimSpace(credentials)).equal(*d.token)
	}
	user, password, ok := r.BasicAuth()
	if !ok {
		return false
	}
	if d.token != nil && digestOf(password).equal(*d.token) {
		return true
	}
	return d.users != nil && d.password(r.Context(), user, password)
}

// password compares with the hash of a user; of one that is not there it takes
// as long.
func (d *door) password(ctx context.Context, user, password string) bool {
	key := digestOf(user + "\x00" + password)
	d.mu.Lock()
	good := d.good[key]
	d.mu.Unlock()
	if good {
		return true
	}
	if len(password) > 72 { // bcrypt looks no further
		return false
	}
	select {
	case d.slow <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-d.slow }()
	hash, known := d.users[user]
	if !known {
		for _, any := range d.users {
			hash = any
			break
		}
	}
	if err := bcrypt.CompareHashAndPassword(hash, []byte(password)); err != nil || !known {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.good) >= mostGood {
		clear(d.good)
	}
	d.good[key] = true
	return true
}

// challenge says how to come in.
func (d *door) challenge(w http.ResponseWriter) {
	w.Header().Add("WWW-Authenticate", `Basic realm="peerscope", charset="UTF-8"`)
	detail := "show who you are: a user and password (curl -u)"
	if d.token != nil {
		w.Header().Add("WWW-Authenticate", `Bearer realm="peerscope"`)
		detail = "show who you are: the header Authorization: Bearer TOKEN, or in a browser any user and the token as password"
		if d.users != nil {
			detail = "show who you are: a user and password (curl -u), or the header Authorization: Bearer TOKEN"
		}
	}
	newProblem(http.StatusUnauthorized, codeUnauthorized, detail).write(w)
}

// secret is a new random word.
func secret() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
