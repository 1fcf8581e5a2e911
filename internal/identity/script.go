package identity

import (
	"strings"
	"unicode"

	"peerscope/internal/redact"
)

// script is what an interpreter runs.
type script struct {
	runtime string // python, java, nodejs
	path    string // file, module or class, as the arguments say; empty: none, or its text is in the arguments
	name    string // what people call it
}

const maxScript = 512 // bytes that are kept of a script's path

// scriptOf reads which script an interpreter runs off its arguments, which must
// be redacted. ok is false if the program is no interpreter.
//
// The executable decides what the program is: argument 0 is only what it was
// called. An executable that is many programs (busybox) is what it was called.
func scriptOf(executable string, args []string) (script, bool) {
	called := ""
	if len(args) > 0 {
		called = strings.TrimPrefix(baseName(args[0]), "-")
	}
	program := baseName(executable)
	if program == "" || program == "busybox" || program == "toybox" {
		program = called
	}
	i, ok := interpreterOf(program)
	if !ok {
		return script{}, false
	}
	s := script{runtime: i.runtime}
	if len(args) < 2 {
		return s, true
	}
	found, kind := i.find(args[1:])
	if kind == noScript || !isScript(found, kind) {
		return s, true
	}
	s.path = cut(printable(found), maxScript)
	s.name = nameOfScript(s.path, kind)
	return s, true
}

// scriptKind is what kind of word names a script.
type scriptKind uint8

const (
	noScript     scriptKind = iota
	scriptFile              // a path, or a URL
	scriptModule            // dotted, and called by the whole: pkg.mod
	scriptClass             // dotted, and called by its last part
)

// isScript refuses words that name no file, module or class, so that a flag
// this program does not know does not make a secret a name.
func isScript(word string, kind scriptKind) bool {
	switch {
	case word == "", len(word) > 4096, strings.Contains(word, redact.Mark):
		return false
	case kind == scriptModule, kind == scriptClass:
		return !strings.ContainsFunc(word, func(r rune) bool { return r != '.' && r != '_' && r != '$' && r != '-' && r != '/' && !isWordRune(r) })
	case strings.Contains(word, "://"):
		return !strings.ContainsAny(word, "@ \t\n")
	}
	return !strings.ContainsAny(word, "=\n\t;|<>\"'`$")
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// nameOfScript is what people call a script; empty if its path has no name.
func nameOfScript(path string, kind scriptKind) string {
	if kind == scriptModule {
		return path
	}
	if strings.Contains(path, "://") {
		if i := strings.IndexAny(path, "?#"); i >= 0 {
			path = path[:i]
		}
	}
	if kind == scriptClass {
		path = strings.ReplaceAll(path, ".", "/")
	}
	name := baseName(strings.TrimRight(path, "/"))
	if name == "." || name == ".." {
		return ""
	}
	return name
}

func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// find looks for the script in the arguments after the program's name.
func (i *interpreter) find(args []string) (string, scriptKind) {
	unread, command := false, i.command
	for n := 0; n < len(args); n++ {
		arg := args[n]
		switch {
		case arg == "--" && n+1 < len(args):
			return i.accept(args[n+1])
		case arg == "-", arg == "--", arg == "":
			return "", noScript // from standard input
		case i.runtime == "java" && arg[0] == '@':
			unread = true // a file of arguments, which may hold the class too
			continue
		case !isFlag(arg, i.plus) && unread:
			return "", noScript
		case !isFlag(arg, i.plus) && command != nil:
			isCommand, runs := command(arg)
			if !runs {
				return "", noScript
			}
			if !isCommand {
				return i.accept(arg)
			}
			command = nil
			continue
		case !isFlag(arg, i.plus):
			return i.accept(arg)
		}
		next := ""
		if n+1 < len(args) {
			next = args[n+1]
		}
		value, kind, skip, done := i.flag(arg, next)
		if done {
			return value, kind
		}
		if skip {
			n++
		}
	}
	return "", noScript
}

// isFlag reports whether an argument is a flag; plus: those with a plus sign are.
func isFlag(arg string, plus bool) bool {
	return len(arg) > 1 && (arg[0] == '-' || plus && arg[0] == '+')
}

// accept takes the first argument that is no flag for the script, if it can be.
func (i *interpreter) accept(word string) (string, scriptKind) {
	if len(i.ends) > 0 {
		for _, end := range i.ends {
			if strings.HasSuffix(word, end) {
				return word, scriptFile
			}
		}
		return "", noScript
	}
	if i.runtime == "java" && !strings.HasSuffix(word, ".java") {
		return word, scriptClass
	}
	return word, scriptFile
}

// flag says what a flag means for the script: done, and what it is or that there
// is none; or skip, that the next argument is the flag's value.
func (i *interpreter) flag(arg, next string) (value string, kind scriptKind, skip, done bool) {
	if i.words || strings.HasPrefix(arg, "--") {
		name, glued, hasValue := strings.Cut(arg, "=")
		switch {
		case contains(i.inline, name):
			return "", noScript, false, true
		case contains(i.file, name) && hasValue:
			return glued, scriptFile, false, true
		case contains(i.file, name):
			return next, scriptFile, false, true
		case contains(i.module, name):
			return i.moduleOf(next)
		case !hasValue && contains(i.values, name):
			return "", noScript, true, false
		}
		if i.words || len(arg) > 2 && arg[1] == '-' {
			return "", noScript, false, false
		}
	}
	return i.letters(arg, next)
}

// letters reads a group of flags of one letter: -um pkg.mod.
func (i *interpreter) letters(arg, next string) (value string, kind scriptKind, skip, done bool) {
	for n := 1; n < len(arg); n++ {
		letter := "-" + arg[n:n+1]
		rest := arg[n+1:]
		switch {
		case contains(i.inline, letter):
			return "", noScript, false, true
		case contains(i.file, letter), contains(i.module, letter):
			if rest == "" {
				rest = next
			}
			if contains(i.module, letter) {
				return i.moduleOf(rest)
			}
			return rest, scriptFile, false, true
		case contains(i.values, letter):
			return "", noScript, rest == "", false
		case strings.Contains(i.glued, arg[n:n+1]):
			return "", noScript, false, false
		}
	}
	return "", noScript, false, false
}

// moduleOf is what a flag names that takes a module. Java's is module/class.
func (i *interpreter) moduleOf(word string) (value string, kind scriptKind, skip, done bool) {
	if i.runtime == "java" {
		if _, class, ok := strings.Cut(word, "/"); ok {
			return class, scriptClass, false, true
		}
	}
	return word, scriptModule, false, true
}

// contains reports whether list, words between blanks, has the word.
func contains(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}
