package server

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

const (
	sessionCookie = "peerscope_session"
	sessionLength = 12 * time.Hour
	mostSessions  = 64
	tokenParam    = "token"
)

// sessions are browsers that came in by a link with a one-time token. The zero
// value knows none. They end with the program, or after sessionLength.
type sessions struct {
	mu      sync.Mutex
	tickets []ticket // one-time tokens that nobody used
	open    []ticket // sessions, the oldest first
}

type ticket struct {
	secret digest
	until  time.Time
}

// ticket makes a one-time token.
func (s *sessions) ticket(now time.Time) string {
	word := secret()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tickets = add(s.tickets, ticket{digestOf(word), now.Add(sessionLength)})
	return word
}

// add keeps the newest.
func add(list []ticket, t ticket) []ticket {
	list = append(list, t)
	return list[max(0, len(list)-mostSessions):]
}

// redeem takes a one-time token and opens a session; empty: it is not one, or
// was used.
func (s *sessions) redeem(word string, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := find(s.tickets, word, now)
	if at < 0 {
		return ""
	}
	s.tickets = slices.Delete(s.tickets, at, at+1)
	session := secret()
	s.open = add(s.open, ticket{digestOf(session), now.Add(sessionLength)})
	return session
}

func (s *sessions) knows(word string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return find(s.open, word, time.Now()) >= 0
}

// find looks at all of them, whichever it is.
func find(list []ticket, word string, now time.Time) int {
	d, at := digestOf(word), -1
	for i, t := range list {
		if t.secret.equal(d) && now.Before(t.until) {
			at = i
		}
	}
	return at
}

// enter answers the link with a one-time token: a cookie, and the same address
// without the token. False: there is no such token in it, or it is only asked whether
// the link is alive.
func (d *door) enter(w http.ResponseWriter, r *http.Request) bool {
	if !r.URL.Query().Has(tokenParam) || r.URL.Path != "/" || r.Method != http.MethodGet {
		return false
	}
	query := r.URL.Query()
	session := d.sessions.redeem(query.Get(tokenParam), time.Now())
	if session == "" && !d.admits(r) {
		return false
	}
	if session != "" {
		http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: session, Path: "/", MaxAge: int(sessionLength.Seconds()),
			HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode})
	}
	query.Del(tokenParam)
	to := url.URL{Path: "/", RawQuery: query.Encode()}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
	return true
}
