// Package redact takes secrets out of command lines and labels. It is applied
// where they are read, and once more where maps are served, as those may be of
// another program or an older version.
package redact

import (
	"slices"
	"strings"
)

// Mark stands for a secret.
const Mark = "***"

const redacted = Mark

// Arguments replaces the secrets in a process's arguments by ***, and leaves the
// names they are given under, so that the line can still be read:
//
//	--password=x  -e PGPASSWORD=x  --token x   by the name of the key
//	mysql -px  curl -u name:x                  by the program
//	postgres://name:x@host/db                  user information of URLs
//	Authorization: Bearer x  "token": "x"      inside longer texts
//	AKIA...  eyJ...  -----BEGIN PRIVATE KEY    by their own look
//
// A secret that has no such mark (a bare argument) cannot be told from other
// text. When in doubt it redacts; keys that name a place or a time instead of
// a secret (-file, -path, -dir, -ttl) are left alone.
//
// The arguments are not changed; the result may share them. Applying Arguments
// to its own result changes nothing more.
func Arguments(args []string) []string {
	// What one pass replaces may let the next one see a mark that the secret
	// hid; lines without secrets, the most, are done after one.
	const passes = 8
	for range passes {
		next := redactOnce(args)
		if slices.Equal(next, args) {
			break
		}
		args = next
	}
	return args
}

// Line is Arguments for a command line whose arguments are joined by one blank.
// An argument that had blanks counts as several.
func Line(line string) string {
	if line == "" {
		return line
	}
	return strings.Join(Arguments(strings.Split(line, " ")), " ")
}

// Label is a label's value without the secret that it is or holds.
func Label(key, value string) string {
	name := key[strings.LastIndexByte(key, '/')+1:]
	// Proxies take lists of users from labels: ...middlewares.x.basicauth.users.
	auth := strings.Contains(strings.ReplaceAll(strings.ToLower(name), "author", ""), "auth")
	if (auth || classify(name) != notSecret) && !isConstant(value) {
		return redacted
	}
	return Arguments([]string{"", value})[1]
}

// redactOnce is one pass: rules of programs first, because they know best what
// a letter means; then what each argument says itself; then what it says of
// the next one.
func redactOnce(args []string) []string {
	var out []string // made at the first change
	set := func(i int, s string) {
		if s == args[i] {
			return
		}
		if out == nil {
			out = slices.Clone(args)
		}
		out[i] = s
	}
	programs := programArguments{}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if s, isValue := programs.redact(args, i); isValue {
			set(i, s)
			continue
		}
		script := i > 0 && isScriptFlag(args[i-1])
		set(i, redactText(arg, script))
		if k := keyOfNext(arg, i == 0); k != notSecret && i+1 < len(args) && isValueOf(k, args[i+1]) {
			i++
			set(i, redacted)
			if isScheme(args[i]) && i+1 < len(args) { // Authorization: Bearer x, each an argument
				i++
				set(i, redacted)
			}
		}
	}
	if out == nil {
		return args
	}
	return out
}

// isScriptFlag reports whether the next argument is the text of a program of a
// shell (-c, -lc, -ec), in which a blank ends a value.
func isScriptFlag(arg string) bool {
	return len(arg) >= 2 && len(arg) <= 5 && arg[0] == '-' && arg[1] != '-' && arg[len(arg)-1] == 'c'
}

// keyOfNext says whether an argument announces the next one as its value:
// --password, Authorization:, or a bare compound name as in
// "git config user.password x". A bare simple word is often a command or a
// kind ("kubectl get secret x"), and the first argument a program.
func keyOfNext(arg string, first bool) keyClass {
	name, colon := strings.CutSuffix(arg, ":")
	if len(name) == 0 || len(name) > maxKey {
		return notSecret
	}
	for i := range len(name) {
		if !isKeyByte(name[i]) {
			return notSecret
		}
	}
	if colon || name[0] == '-' {
		return classify(name)
	}
	if !first && isCompoundKey(name) {
		return maybeSecret
	}
	return notSecret
}

// isValueOf reports whether the argument after a key can be its value and is
// not the next flag.
func isValueOf(k keyClass, next string) bool {
	switch {
	case next == "" || isConstant(next):
		return false
	case next[0] != '-':
		return true
	case k == maybeSecret: // --auth may be a switch
		return false
	case len(next) <= 2: // -v
		return false
	}
	return next[1] != '-'
}

// isScheme reports whether a word says how the credential after it is written
// in an Authorization header.
func isScheme(word string) bool {
	switch strings.ToLower(word) {
	case "bearer", "basic", "token", "digest", "negotiate", "apikey":
		return true
	}
	return false
}

// isConstant reports whether a value is too plain to be a secret.
func isConstant(value string) bool {
	switch value {
	case "true", "false", "null", "none", "nil", redacted:
		return true
	}
	return false
}
