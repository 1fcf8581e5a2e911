package identity

import "strings"

// interpreter is how a program that runs scripts reads its arguments. Lists are
// words between blanks; a flag that is in none of them takes no value, or has it
// behind an equals sign.
type interpreter struct {
	runtime string
	inline  string // after these there is no script: its text follows, or another file is run
	file    string // the script is their value
	module  string // the module is their value
	values  string // their value is the next argument, or glued to one letter
	glued   string // letters whose value, if any, is glued: -Mstrict
	ends    []string
	words   bool // flags are words behind one dash: -jar, not letters
	plus    bool // a plus sign begins a flag too
	// command says of the first word that is no flag whether it is a subcommand
	// before the script, and whether there is a script at all.
	command func(word string) (isCommand, runs bool)
}

// interpreterOf knows interpreters by the base names of their executables.
func interpreterOf(program string) (interpreter, bool) {
	switch {
	case isVersioned(program, "python"), isVersioned(program, "pypy"):
		return interpreter{runtime: "python", inline: "-c", module: "-m", values: "-W -X -Q --check-hash-based-pycs"}, true
	case program == "java":
		return interpreter{runtime: "java", words: true, file: "-jar", module: "-m --module", inline: "-version --version -h -help --help",
			values: "-cp -classpath --class-path -p --module-path --upgrade-module-path --add-modules --add-reads --add-exports --add-opens " +
				"--limit-modules --patch-module --source -d --describe-module"}, true
	case isVersioned(program, "node"), isVersioned(program, "nodejs"):
		return interpreter{runtime: "nodejs", command: nodeCommand, inline: "-e --eval -p --print -pe --run --test -i --interactive -v --version",
			values: nodeValues}, true
	case isVersioned(program, "ruby"), program == "jruby":
		return interpreter{runtime: "ruby", inline: "-e -v --version", values: "-I -r -C -E --encoding --external-encoding --internal-encoding " +
			"--enable --disable --dump --backtrace-limit", glued: "xFKTWi"}, true
	case isVersioned(program, "perl"):
		return interpreter{runtime: "perl", inline: "-e -E -v -V", values: "-I", glued: "MmxCDiF"}, true
	case isVersioned(program, "php"), isVersioned(program, "php-cgi"):
		return interpreter{runtime: "php", inline: "-r --run -B --process-begin -R --process-code -E --process-end -v --version -i --info -m --modules",
			file:   "-f --file -F --process-file",
			values: "-c --php-ini -d --define -z --zend-extension -S --server -t --docroot -b --bindpath"}, true
	case program == "bash" || program == "sh" || program == "dash" || program == "zsh" || program == "ksh" || program == "ash" ||
		program == "mksh" || program == "fish":
		return interpreter{runtime: program, plus: true, inline: "-c -s --command --version --help", values: "-o -O +o +O --rcfile --init-file"}, true
	case program == "deno":
		return interpreter{runtime: "deno", command: runCommand, inline: "--version -V --help -h",
			values: "-c --config --import-map --lock --cert --location --seed -L --log-level --preload --import --port --host"}, true
	case program == "bun":
		return interpreter{runtime: "bun", command: runCommand, inline: "-e --eval -p --print --version -v --help -h",
			values: "-c --config --cwd -r --preload --require --import --env-file --port --tsconfig-override --conditions --elide-lines --filter -F -l --loader -d --define"}, true
	case program == "dotnet":
		return interpreter{runtime: "dotnet", words: true, command: dotnetCommand, ends: []string{".dll", ".exe"},
			values: "--additionalprobingpath --additional-deps --depsfile --runtimeconfig --fx-version --roll-forward"}, true
	}
	return interpreter{}, false
}

// nodeValues are the flags of node that take a value in an argument of their own.
const nodeValues = "-r --require --import --loader --experimental-loader -C --conditions --icu-data-dir --openssl-config --title " +
	"--redirect-warnings --trace-event-categories --trace-event-file-pattern --max-http-header-size --unhandled-rejections " +
	"--dns-result-order --diagnostic-dir --report-dir --report-directory --report-filename --report-signal --heapsnapshot-signal " +
	"--cpu-prof-dir --cpu-prof-name --cpu-prof-interval --heap-prof-dir --heap-prof-name --input-type --env-file --env-file-if-exists " +
	"--watch-path --test-name-pattern --test-reporter --test-reporter-destination --tls-cipher-list --tls-keylog --secure-heap " +
	"--disable-proto --experimental-default-type --localstorage-file --inspect-port --debug-port --icu-data --disable-warning"

// isVersioned reports whether a program is called name, perhaps with a version
// behind it: python3.12, php8.2, ruby3.1, perl5.36.0, python3-dbg.
func isVersioned(program, name string) bool {
	rest, ok := strings.CutPrefix(program, name)
	if !ok {
		return false
	}
	rest = strings.TrimSuffix(strings.TrimSuffix(rest, "-dbg"), "t")
	rest = strings.TrimPrefix(rest, "-")
	for i := range len(rest) {
		if c := rest[i]; (c < '0' || c > '9') && c != '.' {
			return false
		}
	}
	return true
}

// nodeCommand steps over the debugger: node inspect server.js.
func nodeCommand(word string) (isCommand, runs bool) { return word == "inspect", true }

// runCommand reads `deno run x.ts` and `bun run x`. What other subcommands
// run is no file; a file may stand without one.
func runCommand(word string) (isCommand, runs bool) {
	if word == "run" || word == "serve" {
		return true, true
	}
	return false, looksLikeFile(word)
}

// dotnetCommand reads `dotnet app.dll` and `dotnet exec app.dll`.
func dotnetCommand(word string) (isCommand, runs bool) { return word == "exec", true }

// looksLikeFile tells a file from a subcommand.
func looksLikeFile(word string) bool { return strings.ContainsAny(word, "./") }
