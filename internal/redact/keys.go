package redact

import "strings"

// keyClass says whether what is given under a key is a secret.
type keyClass uint8

const (
	notSecret   keyClass = iota
	maybeSecret          // the word has harmless uses: --auth, sig=
	isSecret
)

// maxKey is longer than any name of a key; what is longer is itself a value.
const maxKey = 128

// isKeyByte reports whether c can be part of the name of a key.
func isKeyByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

// secretParts make a key secret wherever they stand in it, without case,
// dashes, dots and underscores: dbPassword, DB_PASSWORD, spring.db.password.
var secretParts = [...]string{"password", "passwd", "passphrase", "pwd", "secret", "credential", "bearer",
	"authorization", "apikey", "accesskey", "privatekey", "accountkey", "sharedkey", "masterkey", "signingkey",
	"encryptionkey", "sessionkey", "authkey", "authheader", "authstring"}

// harmlessEnds are the ends of keys that name where a secret lies, or how long
// it lives.
var harmlessEnds = [...]string{"file", "files", "path", "paths", "ttl", "dir", "dirs", "directory", "stdin",
	"timeout", "lifetime", "expiry", "expiration"}

// classify decides by the name of a key: words of any case, with leading
// dashes.
func classify(key string) keyClass {
	key = strings.TrimLeft(key, "-")
	if len(key) < 2 || len(key) > maxKey || key == "PWD" || key == "OLDPWD" { // the shell's directories
		return notSecret
	}
	// The joined form stays on the stack: this runs for every word before a
	// sign of assignment.
	var buf [maxKey]byte
	joined := buf[:0]
	lastWord := 0 // where the last word begins in joined
	var before byte
	for i := range len(key) {
		c := key[i]
		if c == '-' || c == '_' || c == '.' {
			lastWord, before = len(joined), c
			continue
		}
		if c >= 'A' && c <= 'Z' {
			if before >= 'a' && before <= 'z' {
				lastWord = len(joined)
			}
			joined = append(joined, c+'a'-'A')
		} else {
			joined = append(joined, c)
		}
		before = c
	}
	all := string(joined)
	return classifyWords(all, all[lastWord:], key)
}

func classifyWords(all, last, key string) keyClass {
	class := classOfWords(all, last, key)
	if class == notSecret {
		return notSecret
	}
	for _, end := range harmlessEnds {
		if strings.HasSuffix(all, end) {
			return notSecret
		}
	}
	return class
}

func classOfWords(all, last, key string) keyClass {
	for _, part := range secretParts {
		if strings.Contains(all, part) {
			return isSecret
		}
	}
	if hasTokenWord(key) {
		return isSecret
	}
	switch last {
	case "pw", "psk", "creds", "cred", "jwt", "passin", "passout", "passcode":
		return isSecret
	case "sig", "signature", "cookie", "cookies", "sessionid", "sessid":
		return maybeSecret
	}
	switch {
	case strings.HasSuffix(last, "auth"):
		return maybeSecret
	case strings.HasSuffix(last, "pass") && !strings.HasSuffix(last, "bypass") && last != "compass":
		return isSecret
	}
	return notSecret
}

// hasTokenWord reports whether one of the words of a key is a token. Those of
// language models are counted, not kept secret: --max-tokens.
func hasTokenWord(key string) bool {
	found := false
	start := 0
	for i := 0; i <= len(key); i++ {
		end := i == len(key) || key[i] == '-' || key[i] == '_' || key[i] == '.' ||
			i > start && isUpper(key[i]) && !isUpper(key[i-1])
		if !end {
			continue
		}
		word := key[start:i]
		switch {
		case foldSuffix(word, "token"), foldSuffix(word, "tokens"):
			found = true
		case strings.EqualFold(word, "max"), strings.EqualFold(word, "min"), strings.EqualFold(word, "num"):
			return false
		}
		start = i
		if i < len(key) && !isUpper(key[i]) {
			start++
		}
	}
	return found
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

func foldSuffix(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// isCompoundKey reports whether a bare word is surely the name of a secret:
// several words of which the last one says so, as in aws_secret_access_key.
func isCompoundKey(name string) bool {
	i := strings.LastIndexAny(name, "-_.")
	if i <= 0 || len(name)-i < 3 || isDigit(name[i+1]) { // most are numbers and file names
		return false
	}
	last := name[i+1:]
	return classify(last) == isSecret || strings.EqualFold(last, "key") && classify(name) == isSecret
}
