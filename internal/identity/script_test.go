package identity

import (
	"strings"
	"testing"

	"peerscope/internal/redact"
)

func TestInterpreterIsNamedByItsScript(t *testing.T) {
	f := func(exe, line, runtime, path, name string) {
		t.Helper()
		words := strings.Split(line, " ")
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "~", " ")
		}
		s, ok := scriptOf(exe, redact.Arguments(words))
		if want := (script{runtime, path, name}); s != want || ok != (runtime != "") {
			t.Errorf("%s: %s = %+v, %t, want %+v", exe, line, s, ok, want)
		}
	}
	const python = "/usr/bin/python3.12"
	f(python, "python3 /opt/shop/app.py --port 80", "python", "/opt/shop/app.py", "app.py")
	f(python, "/venv/bin/python -u -W ignore -Xdev -X dev app.py", "python", "app.py", "app.py")
	f(python, "python3 -m pkg.mod serve", "python", "pkg.mod", "pkg.mod")
	f(python, "python3 -um http.server 80", "python", "http.server", "http.server")
	f(python, "python3 -mflask run", "python", "flask", "flask")
	f(python, "python3 -Werror app.py", "python", "app.py", "app.py")
	f(python, "python3 --check-hash-based-pycs always app.py", "python", "app.py", "app.py")
	f(python, "/usr/bin/python3 /usr/bin/gunicorn shop:app", "python", "/usr/bin/gunicorn", "gunicorn")
	f(python, "python3 -c import~os app.py", "python", "", "")
	f(python, "python3 -Ic import~os", "python", "", "")
	f(python, "python3 - app.py", "python", "", "")
	f(python, "python3 -- -odd.py", "python", "-odd.py", "-odd.py")
	f(python, "python3", "python", "", "")
	f(python, "python3 .", "python", ".", "")
	f(python, "python3 /opt/shop/", "python", "/opt/shop/", "shop")
	f(python, "gunicorn:~master~[shop:app]", "python", "", "")
	f("/usr/bin/pypy3", "pypy3 a.py", "python", "a.py", "a.py")
	f("/usr/bin/python3-config", "python3-config --libs", "", "", "")
	f("/usr/bin/python3.13t", "python3 a.py", "python", "a.py", "a.py")

	const java = "/opt/jdk/bin/java"
	f(java, "java -Xmx1g -Dkey=value -jar /app/shop-1.2.jar --port 80", "java", "/app/shop-1.2.jar", "shop-1.2.jar")
	f(java, "java -cp /a.jar:/b.jar -XX:+UseG1GC org.example.Main start", "java", "org.example.Main", "Main")
	f(java, "java -classpath x -javaagent:/a.jar=x=y kafka.Kafka server.properties", "java", "kafka.Kafka", "Kafka")
	f(java, "java --module-path mods -m shop/org.shop.Main", "java", "org.shop.Main", "Main")
	f(java, "java -p mods --add-modules a,b -m shop", "java", "shop", "shop")
	f(java, "java --class-path=x --add-opens java.base/java.lang=ALL-UNNAMED a.B$C", "java", "a.B$C", "B$C")
	f(java, "java Main.java", "java", "Main.java", "Main.java")
	f(java, "java @options -jar x.jar", "java", "x.jar", "x.jar")
	f(java, "java @options start", "java", "", "")
	f(java, "java -version", "java", "", "")
	f(java, "java -cp x", "java", "", "")

	const node = "/usr/local/bin/node"
	f(node, "node --max-old-space-size=4096 -r dotenv/config server.js 80", "nodejs", "server.js", "server.js")
	f(node, "node --require ./a.js --import=./b.js --inspect=0.0.0.0:9229 /srv/dist/main", "nodejs", "/srv/dist/main", "main")
	f(node, "node inspect app.mjs", "nodejs", "app.mjs", "app.mjs")
	f(node, "node -e require('./x') server.js", "nodejs", "", "")
	f(node, "node -pe 1", "nodejs", "", "")
	f(node, "node --eval=1 x.js", "nodejs", "", "")
	f(node, "node .", "nodejs", ".", "")
	f("/usr/bin/nodejs", "nodejs x.js", "nodejs", "x.js", "x.js")
	f("/usr/bin/nodeinfo", "nodeinfo x.js", "", "", "")

	f("/usr/bin/ruby3.1", "ruby -Ilib -I more -rbundler/setup -W0 bin/rails server", "ruby", "bin/rails", "rails")
	f("/usr/bin/ruby3.1", "ruby -S rake jobs", "ruby", "rake", "rake")
	f("/usr/bin/ruby3.1", "ruby -run -e httpd .", "ruby", "", "")
	f("/usr/bin/ruby3.1", "puma~5.6.5~(tcp://0.0.0.0:80)~[shop]", "ruby", "", "")

	f("/usr/bin/perl", "perl -w -Mstrict -I lib /usr/sbin/munin-node", "perl", "/usr/sbin/munin-node", "munin-node")
	f("/usr/bin/perl", "/usr/bin/perl -wT /usr/bin/spamd -d", "perl", "/usr/bin/spamd", "spamd")
	f("/usr/bin/perl", "perl -lane print x.txt", "perl", "", "")
	f("/usr/bin/perl", "perl -i.bak -pe s/a/b/ x.txt", "perl", "", "")

	f("/usr/bin/php8.2", "php -d memory_limit=1G artisan queue:work", "php", "artisan", "artisan")
	f("/usr/bin/php8.2", "php -dx=1 -f index.php -- -x", "php", "index.php", "index.php")
	f("/usr/bin/php8.2", "php -S 0.0.0.0:80 -t public router.php", "php", "router.php", "router.php")
	f("/usr/bin/php8.2", "php -S 0.0.0.0:80", "php", "", "")
	f("/usr/bin/php8.2", "php -r echo~1;", "php", "", "")
	f("/usr/sbin/php-fpm8.2", "php-fpm:~pool~www", "", "", "")

	f("/usr/bin/bash", "bash -euo pipefail /docker-entrypoint.sh run", "bash", "/docker-entrypoint.sh", "docker-entrypoint.sh")
	f("/usr/bin/bash", "bash --rcfile /x -O extglob +x run.sh", "bash", "run.sh", "run.sh")
	f("/usr/bin/bash", "bash -lc run.sh", "bash", "", "")
	f("/usr/bin/bash", "-bash", "bash", "", "")
	f("/usr/bin/dash", "/bin/sh /usr/bin/startx", "dash", "/usr/bin/startx", "startx")
	f("/bin/busybox", "/bin/sh /run.sh", "sh", "/run.sh", "run.sh")
	f("/bin/busybox", "httpd -f", "", "", "")

	f("/usr/bin/deno", "deno run -A --config d.json --allow-net=h:1 src/main.ts x", "deno", "src/main.ts", "main.ts")
	f("/usr/bin/deno", "deno run https://deno.land/std/x.ts?v=1", "deno", "https://deno.land/std/x.ts?v=1", "x.ts")
	f("/usr/bin/deno", "deno run https://me:hunter2@deno.land/x.ts", "deno", "", "")
	f("/usr/bin/deno", "deno eval 1", "deno", "", "")
	f("/usr/bin/deno", "deno task start", "deno", "", "")
	f("/usr/bin/bun", "bun --cwd /srv run dev", "bun", "dev", "dev")
	f("/usr/bin/bun", "bun run dev", "bun", "dev", "dev")
	f("/usr/bin/bun", "bun --smol index.ts", "bun", "index.ts", "index.ts")
	f("/usr/bin/bun", "bun install x", "bun", "", "")
	f("/usr/bin/dotnet", "dotnet /app/Shop.dll --urls x", "dotnet", "/app/Shop.dll", "Shop.dll")
	f("/usr/bin/dotnet", "dotnet exec --depsfile a.json Shop.dll", "dotnet", "Shop.dll", "Shop.dll")
	f("/usr/bin/dotnet", "dotnet run --project x", "dotnet", "", "")

	// The executable is not known: what it was called is.
	f("", "/usr/bin/python3 a.py", "python", "a.py", "a.py")
	f("", "nginx -g x", "", "", "")
	f("", "", "", "", "")
}

func TestScriptShowsNoSecret(t *testing.T) {
	for _, line := range []string{
		"python3|--password|hunter2", "python3|--token=hunter2|x.py", "node|--unknown-flag|PASSWORD=hunter2", "java|-Ddb.password=hunter2|--secret|hunter2",
		"bash|-c|curl -u me:hunter2 h", "deno|run|https://h/?token=hunter2", "perl|postgres://me:hunter2@h/", "php|-r|$p='hunter2';", "ruby|-e|p 'hunter2'",
	} {
		words := strings.Split(line, "|")
		s, ok := scriptOf("/usr/bin/"+words[0], redact.Arguments(words))
		if !ok || strings.Contains(s.path+s.name, "hunter2") {
			t.Errorf("%s: %+v, %t", line, s, ok)
		}
	}
}

func FuzzScriptOf(f *testing.F) {
	f.Add("/usr/bin/python3.12", "python3\x00-um\x00pkg.mod\x00")
	f.Add("", "java\x00-cp\x00x\x00a.B\x00")
	f.Add("/usr/bin/bash", "bash\x00-eo\x00\x00x\x1b[2J.sh")
	f.Fuzz(func(t *testing.T, exe, args string) {
		words := strings.Split(args, "\x00")
		s, ok := scriptOf(exe, words)
		checkSafe(t, s.path)
		checkSafe(t, s.name)
		if !ok && s != (script{}) || s.name != "" && s.path == "" || len(s.path) > maxScript {
			t.Errorf("%+v, %t", s, ok)
		}
	})
}

func BenchmarkScriptOf(b *testing.B) {
	words := strings.Split("java -Xmx1g -XX:+UseG1GC -Dkey=value -Dother=value -cp /opt/kafka/libs/a.jar:/opt/kafka/libs/b.jar kafka.Kafka x", " ")
	b.ReportAllocs()
	for b.Loop() {
		scriptOf("/opt/jdk/bin/java", words)
	}
}
