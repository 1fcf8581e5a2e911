package redact

import "strings"

// redactPrivateKeys replaces what stands in PEM blocks of private keys. One
// that does not end is replaced to the end of the text.
func redactPrivateKeys(s string) string {
	const begin, mark, end = "-----BEGIN ", "PRIVATE KEY-----", "-----END "
	for from := 0; ; {
		i := strings.Index(s[from:], begin)
		if i < 0 {
			return s
		}
		i += from + len(begin)
		m := strings.Index(s[i:], mark)
		if m < 0 {
			return s
		}
		// The label between may be RSA, EC, ENCRYPTED; a longer one is the text of
		// another block, and its private key comes later.
		if strings.Contains(s[i:i+m], "-----") {
			from = i
			continue
		}
		body := i + m + len(mark)
		stop := strings.Index(s[body:], end)
		if stop < 0 {
			stop = len(s) - body
		}
		if stop > 0 {
			s = s[:body] + redacted + s[body+stop:]
		}
		from = body
	}
}

// redactUserInfo replaces the password in name:password@host, with a scheme
// before it or without, and a name alone that looks like a token.
func redactUserInfo(s string) string {
	var b strings.Builder
	done := 0
	for start := 0; start < len(s); {
		end := start
		for end < len(s) && strings.IndexByte(" \t\r\n\"'`<>", s[end]) < 0 {
			end++
		}
		// The last @ of a word is the one: passwords may hold it.
		if at := strings.LastIndexByte(s[start:end], '@'); at > 0 && !isDigest(s[start+at+1:end]) {
			if from := passwordBefore(s[start : start+at]); from >= 0 {
				b.WriteString(s[done : start+from])
				b.WriteString(redacted)
				done = start + at
			}
		}
		start = end + 1
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// isDigest recognises image@sha256:0123, which is no host.
func isDigest(s string) bool {
	return strings.HasPrefix(s, "sha256:") || strings.HasPrefix(s, "sha512:")
}

// passwordBefore finds where in the word before an @ a password begins, or -1.
func passwordBefore(s string) int {
	host := 0
	if i := strings.LastIndex(s, "://"); i >= 0 {
		host = i + 3
	}
	user := s[host:]
	colon := strings.IndexByte(user, ':')
	slash := strings.IndexAny(user, "/?#")
	switch {
	case colon >= 0 && (slash < 0 || colon < slash):
		secret := user[colon+1:]
		if secret == "" || host == 0 && (secret[0] == '/' || isAddressScheme(user[:colon])) {
			return -1 // host:/path@snapshot, mailto:name@host
		}
		if slash >= 0 && host > 0 && user[slash] == '/' && isPort(user[colon+1:slash]) { // http://host:80/@name
			return -1
		}
		return host + colon + 1
	case host > 0 && slash < 0 && len(user) >= 20: // https://TOKEN@host
		return host
	}
	return -1
}

// isAddressScheme names the schemes that have no // and no password.
func isAddressScheme(s string) bool { return s == "mailto" || s == "sip" || s == "sips" || s == "xmpp" }

// isPort reports whether s can be the port of a URL rather than the beginning
// of a password.
func isPort(s string) bool {
	return s != "" && len(s) <= 5 && strings.Trim(s, "0123456789") == ""
}

// shapes are beginnings by which a token is known wherever it stands, and how
// long the rest is at least.
var shapes = [...]struct {
	prefix string
	rest   int
}{
	{"AKIA", 16}, {"ASIA", 16}, // AWS key ids
	{"eyJ", 12}, // base64 of {": a JSON web token, or a document with credentials
	{"ghp_", 20}, {"gho_", 20}, {"ghu_", 20}, {"ghs_", 20}, {"ghr_", 20}, {"github_pat_", 20},
	{"glpat-", 16}, {"xoxb-", 10}, {"xoxp-", 10}, {"xoxa-", 10}, {"xoxr-", 10}, {"xoxs-", 10}, {"xapp-", 10},
	{"sk_live_", 10}, {"rk_live_", 10}, {"sk-", 20}, {"hvs.", 16}, {"hvb.", 16}, {"AIza", 30}, {"ya29.", 16},
	{"npm_", 30}, {"pypi-", 30}, {"dop_v1_", 30}, {"SG.", 30}, {"AGE-SECRET-KEY-", 20},
}

// redactShapes replaces tokens that are known by their look.
func redactShapes(s string) string {
	var b strings.Builder
	done := 0
	for i := 0; i < len(s); {
		if !isTokenByte(s[i]) {
			i++
			continue
		}
		start := i
		for i < len(s) && isTokenByte(s[i]) {
			i++
		}
		if at := shapeIn(s[start:i]); at >= 0 {
			b.WriteString(s[done : start+at])
			b.WriteString(redacted)
			done = i
		}
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// isTokenByte: base64, base64url and the dots between their parts.
func isTokenByte(c byte) bool { return isKeyByte(c) || c == '+' || c == '/' || c == '=' }

// shapeIn finds where a token begins in a run of its characters, or -1: at its
// start or behind one that can separate (key=eyJ, /x/eyJ).
func shapeIn(run string) int {
	if len(run) < 14 {
		return -1
	}
	for i := range len(run) - 13 {
		if i > 0 && isAlphanumeric(run[i-1]) {
			continue
		}
		for _, p := range shapes {
			if run[i] == p.prefix[0] && strings.HasPrefix(run[i:], p.prefix) && wordLength(run[i+len(p.prefix):]) >= p.rest {
				return i
			}
		}
	}
	return -1
}

// wordLength is how many characters of base64url s begins with.
func wordLength(s string) int {
	i := 0
	for i < len(s) && (isAlphanumeric(s[i]) || s[i] == '-' || s[i] == '_') {
		i++
	}
	return i
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
