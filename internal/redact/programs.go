package redact

import (
	"slices"
	"strings"
)

// Some programs take secrets under one letter, which means something else to
// every other program.

// letterFlags are the letters of a program's secret flags.
type letterFlags struct {
	glued string   // -px
	next  string   // -p x
	user  string   // -u name:x, also glued or at the end of a group (-su)
	words []string // whose next argument is a secret
	names []string // whose next argument is name:x
}

// flagsOf knows programs by their base name; ok is false for others.
//
// A letter is in glued only if the program takes the value without a blank: -p
// alone makes mysql ask for the password, and the next argument is a database.
func flagsOf(program string) (f letterFlags, ok bool) {
	program = strings.TrimSuffix(program, ".exe")
	switch program {
	case "mysql", "mysqladmin", "mysqlbinlog", "mysqlcheck", "mysqldump", "mysqldumpslow", "mysqlimport", "mysqlpump",
		"mysqlsh", "mysqlshow", "mysqlslap", "mycli", "mytop", "xtrabackup", "innobackupex", "mydumper", "myloader":
		return letterFlags{glued: "p"}, true
	case "sshpass", "mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "mongostat",
		"mongotop", "cqlsh", "beeline", "rdesktop", "kadmin", "kinit":
		return letterFlags{glued: "p", next: "pw"}, true
	case "7z", "7za", "7zr", "7zz", "rar", "unrar":
		return letterFlags{glued: "p"}, true
	case "redis-cli", "valkey-cli", "keydb-cli":
		return letterFlags{next: "a", words: []string{"auth", "AUTH"}}, true
	case "curl":
		return letterFlags{next: "b", user: "uUE", names: []string{"--user", "--proxy-user", "--cert", "--proxy-cert"}}, true
	case "ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldapwhoami", "ldapcompare", "ldapmodrdn", "ldappasswd":
		return letterFlags{glued: "w", next: "wsa"}, true
	case "smbclient", "rpcclient", "smbget", "smbcacls", "lftp":
		return letterFlags{user: "uU", names: []string{"--user"}}, true
	case "zip", "unzip", "sqlcmd", "bcp", "mosquitto_pub", "mosquitto_sub", "mosquitto_rr", "ipmitool", "isql":
		return letterFlags{glued: "P", next: "P"}, true
	case "snmpget", "snmpset", "snmpwalk", "snmpbulkget", "snmpbulkwalk", "snmptrap", "snmptable":
		return letterFlags{next: "cAX"}, true
	case "openssl":
		return letterFlags{next: "kK"}, true
	case "http", "https", "xh": // HTTPie
		return letterFlags{user: "a", names: []string{"--auth"}}, true
	case "ab", "siege":
		return letterFlags{user: "AP"}, true
	}
	if strings.HasPrefix(program, "mariadb") {
		return letterFlags{glued: "p"}, true
	}
	return letterFlags{}, false
}

// loginFlags are those of `docker login -p x` and its like. Without that
// subcommand -p is a port.
func loginFlags(program string, args []string) (letterFlags, bool) {
	switch program {
	case "docker", "podman", "nerdctl", "buildah", "skopeo", "crane", "helm", "oc", "az", "oras":
		if slices.Contains(args[:min(len(args), 8)], "login") {
			return letterFlags{glued: "p", next: "p"}, true
		}
	}
	return letterFlags{}, false
}

// programArguments remembers which program the arguments belong to. The last
// known name counts, because programs start others: sudo, env, timeout.
type programArguments struct {
	flags letterFlags
	known bool
}

// redact says whether argument i is, or holds, a secret by a rule of its
// program, and what to write instead.
func (p *programArguments) redact(args []string, i int) (string, bool) {
	arg := args[i]
	if arg == "" || p.begins(args, i) || !p.known {
		return "", false
	}
	if len(arg) > 2 && arg[0] == '-' && arg[1] != '-' {
		switch letter := arg[1:2]; {
		case strings.Contains(p.flags.glued, letter):
			return arg[:2] + redacted, true
		case strings.Contains(p.flags.user, letter):
			s, ok := redactUser(arg[2:])
			return arg[:2] + s, ok
		}
	}
	if i == 0 || args[i-1] == "" {
		return "", false
	}
	before := args[i-1]
	last := before[len(before)-1:]
	group := before[0] == '-' && len(before) >= 2 && before[1] != '-'
	switch {
	case group && len(before) == 2 && strings.Contains(p.flags.next, last),
		slices.Contains(p.flags.words, before):
		return redacted, true
	case group && len(before) <= 6 && strings.Contains(p.flags.user, last),
		slices.Contains(p.flags.names, before):
		return redactUser(arg)
	}
	return "", false
}

// begins notes that argument i names a program, if it does. Any argument may
// be one, since programs start others; taking a file for a program only
// redacts more.
func (p *programArguments) begins(args []string, i int) bool {
	name := args[i][strings.LastIndexByte(args[i], '/')+1:]
	if len(name) > 20 {
		return false
	}
	f, ok := flagsOf(name)
	if !ok {
		f, ok = loginFlags(name, args[i:])
	}
	if ok {
		p.flags, p.known = f, true
	}
	return ok
}

// redactUser takes name:password, name%password (Samba) or name,password
// (lftp); a name alone is no secret.
func redactUser(s string) (string, bool) {
	i := strings.IndexAny(s, ":%,")
	if i < 0 || i == len(s)-1 {
		return "", false
	}
	return s[:i+1] + redacted, true
}

// redactProgramWords applies the rules of programs to the words of a script.
// Quotes around a word that is replaced go with it.
//
// It is no shell: what variables and substitutions would make is not seen.
func redactProgramWords(s string) string {
	words, gaps := splitWords(s)
	plain := make([]string, len(words))
	for i, w := range words {
		plain[i] = strings.Trim(w, `"'`)
	}
	programs := programArguments{}
	changed := false
	for i := range words {
		if r, ok := programs.redact(plain, i); ok && r != plain[i] {
			words[i], changed = r, true
		}
	}
	if !changed {
		return s
	}
	var b strings.Builder
	for i, w := range words {
		b.WriteString(gaps[i])
		b.WriteString(w)
	}
	b.WriteString(gaps[len(words)])
	return b.String()
}

// splitWords cuts a script at its blanks, but not inside of quotes. gaps[i] is
// what stands before word i, and the last one what stands behind all.
func splitWords(s string) (words, gaps []string) {
	gap, i := 0, 0
	for i < len(s) {
		for i < len(s) && (isBlank(s[i]) || s[i] == ';' || s[i] == '|' || s[i] == '(') {
			i++
		}
		start := i
		var quote byte
		for i < len(s) && (quote != 0 || !isBlank(s[i]) && s[i] != ';' && s[i] != '|' && s[i] != '(') {
			switch {
			case quote == s[i]:
				quote = 0
			case quote == 0 && (s[i] == '"' || s[i] == '\''):
				quote = s[i]
			}
			i++
		}
		if i > start {
			gaps, words = append(gaps, s[gap:start]), append(words, s[start:i])
			gap = i
		}
	}
	return words, append(gaps, s[gap:])
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
