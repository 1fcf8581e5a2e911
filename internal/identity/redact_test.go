package identity_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/redact"
)

func TestRedactedLineKeepsKeys(t *testing.T) {
	// Arguments are separated by |.
	f := func(in, want string) {
		t.Helper()
		args := strings.Split(in, "|")
		before := slices.Clone(args)
		got := redact.Arguments(args)
		if diff := cmp.Diff(strings.Split(want, "|"), got); diff != "" {
			t.Errorf("Redact(%s) (-want +got):\n%s", in, diff)
		}
		if !slices.Equal(args, before) {
			t.Errorf("Redact(%s) changed its argument: %q", in, args)
		}
		if diff := cmp.Diff(got, redact.Arguments(got)); diff != "" {
			t.Errorf("Redact(%s) twice (-once +twice):\n%s", in, diff)
		}
		checkCuts(t, args, strings.Split(want, "|"))
	}

	// By the name of a flag, glued or as the next argument.
	f("app|--password=hunter2", "app|--password=***")
	f("app|--password|hunter2|-v", "app|--password|***|-v")
	f("app|--password|hun ter2", "app|--password|***")
	f("app|--password|-hunter2", "app|--password|***")
	f("app|--password=a b=c,d=e", "app|--password=***")
	f("app|-password|hunter2", "app|-password|***")
	f("app|--db-passwd=x1|--api-key=x2|--apikey|x3|--api_key|x4", "app|--db-passwd=***|--api-key=***|--apikey|***|--api_key|***")
	f("app|--client-secret|x1|--access-token|x2|--token|x3", "app|--client-secret|***|--access-token|***|--token|***")
	f("app|--private-key=x1|--credentials|x2|--auth=x3|--bearer|x4", "app|--private-key=***|--credentials|***|--auth=***|--bearer|***")
	f("app|--dbPass=x1|--accessKey|x2|--authToken=x3|--basic-auth|u:p", "app|--dbPass=***|--accessKey|***|--authToken=***|--basic-auth|***")
	f("java|-Dspring.datasource.password=x|-jar|a.jar", "java|-Dspring.datasource.password=***|-jar|a.jar")
	f("app|--set|db.password=x,db.user=y", "app|--set|db.password=***,db.user=y")
	f("app|--set-string=db.password=x,db.user=y", "app|--set-string=db.password=***,db.user=y")
	f("openssl|enc|-pass|pass:x|-in|f", "openssl|enc|-pass|***|-in|f")
	f("plink|-pw|x|host", "plink|-pw|***|host")
	f("aws|configure|set|aws_secret_access_key|x", "aws|configure|set|aws_secret_access_key|***")

	// Nothing secret: places, times, switches, other words.
	f("app|--password-file|/x|--token-ttl|5m|--secret-dir=/y|--key-path=/z", "app|--password-file|/x|--token-ttl|5m|--secret-dir=/y|--key-path=/z")
	f("kube-apiserver|--service-account-private-key-file=/etc/sa.key|--token-auth-file|/t", "kube-apiserver|--service-account-private-key-file=/etc/sa.key|--token-auth-file|/t")
	f("docker|login|--password-stdin|host", "docker|login|--password-stdin|host")
	f("mongod|--auth|--port|27017", "mongod|--auth|--port|27017")
	f("app|--author|joe|--authority=x|--compass|n|--keyboard=us", "app|--author|joe|--authority=x|--compass|n|--keyboard=us")
	f("vllm|--max-tokens|4096|--tokenizer|x|--max-num-batched-tokens=8192", "vllm|--max-tokens|4096|--tokenizer|x|--max-num-batched-tokens=8192")
	f("app|--enable-token=false|--auth=none|--password=", "app|--enable-token=false|--auth=none|--password=")
	f("kubectl|get|secret|mine", "kubectl|get|secret|mine")
	f("env|PWD=/root|OLDPWD=/|TERM=xterm", "env|PWD=/root|OLDPWD=/|TERM=xterm")
	f("/usr/sbin/nginx|-g|daemon off;", "/usr/sbin/nginx|-g|daemon off;")
	f("nginx: worker process", "nginx: worker process")
	f("sshd: root@pts/0", "sshd: root@pts/0")
	f("postgres: app shop 10.0.0.7(40112) idle", "postgres: app shop 10.0.0.7(40112) idle")
	f("ssh|-p|22|git@github.com", "ssh|-p|22|git@github.com")
	f("docker|run|-p|8080:80|nginx:1.27@sha256:0123456789abcdef", "docker|run|-p|8080:80|nginx:1.27@sha256:0123456789abcdef")
	f("zfs|send|host:/pool@snap", "zfs|send|host:/pool@snap")
	f("app|http://token-service:8080/x|http://auth:9000", "app|http://token-service:8080/x|http://auth:9000")
	f("app|http://host:8080/npm/react@18", "app|http://host:8080/npm/react@18")
	f("", "")

	// Assignments.
	f("env|PASSWORD=my secret words", "env|PASSWORD=***")
	f("env|AWS_SECRET_ACCESS_KEY=abc/def+ghi=", "env|AWS_SECRET_ACCESS_KEY=***")
	f("docker|run|-e|PGPASSWORD=x|-e|A=b", "docker|run|-e|PGPASSWORD=***|-e|A=b")
	f("sh|-c|PGPASSWORD=x psql -h db", "sh|-c|PGPASSWORD=*** psql -h db")
	f("sh|-c|PGPASSWORD='x y' psql -h db", "sh|-c|PGPASSWORD='***' psql -h db")
	f("sh|-c|app --password 'x y' --port 1", "sh|-c|app --password '***' --port 1")
	f("sh|-c|app --token x --port 1; b", "sh|-c|app --token *** --port 1; b")
	f("app|password=x sslmode=require", "app|password=*** sslmode=require")
	f("app|host=db user=me password=x sslmode=require", "app|host=db user=me password=*** sslmode=require")
	f("app|host=db password='x y' sslmode=require", "app|host=db password='***' sslmode=require")
	f("app|Server=db;User Id=me;Password=x;Encrypt=true", "app|Server=db;User Id=me;Password=***;Encrypt=true")
	f("app|user=me&user[password]=x&a=1", "app|user=me&user[password]=***&a=1")
	f("mount|-o|username=me,password=x,uid=0", "mount|-o|username=me,password=***,uid=0")
	f("app|DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc==;EndpointSuffix=b",
		"app|DefaultEndpointsProtocol=https;AccountName=a;AccountKey=***;EndpointSuffix=b")
	f("psql|-c|ALTER USER me PASSWORD 'x y' VALID UNTIL 'z'", "psql|-c|ALTER USER me PASSWORD '***' VALID UNTIL 'z'")
	f("mysql|-e|CREATE USER a IDENTIFIED BY 'x';", "mysql|-e|CREATE USER a IDENTIFIED BY '***';")
	f("app|password = x y z", "app|password = ***")

	// JSON and its like.
	f(`app|{"user":"me","password":"x","port":1}`, `app|{"user":"me","password":"***","port":1}`)
	f(`app|{"password": "x\"y", "a": 1}`, `app|{"password": "***", "a": 1}`)
	f(`app|"{\"password\": \"x\", \"a\": 1}"`, `app|"{\"password\": \"***\", \"a\": 1}"`)
	f(`app|{'password': 'x', 'a': 'b'}`, `app|{'password': '***', 'a': 'b'}`)
	f(`app|{"tokens": ["x", "y]"], "a": 1}`, `app|{"tokens": ***, "a": 1}`)
	f(`app|{"secret": {"value": "x"}, "a": 1}`, `app|{"secret": ***, "a": 1}`)
	f(`app|{"token": 123456, "a": 1}`, `app|{"token": ***, "a": 1}`)
	f("app|user: me\npassword: x y\nport: 1", "app|user: me\npassword: ***\nport: 1")

	// Headers.
	f("curl|--header|Authorization: Bearer abc", "curl|--header|Authorization: ***")
	f("curl|-HAuthorization: Basic abc==", "curl|-HAuthorization: ***")
	f("curl|--header=X-Auth-Token: abc", "curl|--header=X-Auth-Token: ***")
	f("curl|-H|Cookie: a=b; c=d", "curl|-H|Cookie: ***")
	f(`sh|-c|curl -H "Authorization: Bearer abc" http://h/`, `sh|-c|curl -H "Authorization: ***" http://h/`)
	f("app|Authorization:|Bearer|abc|x", "app|Authorization:|***|***|x")
	f("app|got Bearer abcdef from x", "app|got Bearer *** from x")

	// URLs.
	f("app|postgres://me:x@db:5432/shop?sslmode=off", "app|postgres://me:***@db:5432/shop?sslmode=off")
	f("app|--dsn=amqp://me:x@mq/", "app|--dsn=amqp://me:***@mq/")
	f("app|redis://:x@cache:6379/0", "app|redis://:***@cache:6379/0")
	f("app|mongodb://me:x@a:1,b:2/db", "app|mongodb://me:***@a:1,b:2/db")
	f("app|http://me:p@ss@h/|z", "app|http://me:***@h/|z")
	f("app|https://me:a/b@h/", "app|https://me:***@h/")
	f("app|http://a/,http://me:x@h/", "app|http://a/,http://me:***@h/")
	f("app|me:x@tcp(db:3306)/shop", "app|me:***@tcp(db:3306)/shop")
	f("app|https://0123456789abcdef0123456789abcdef@sentry.io/1", "app|https://***@sentry.io/1")
	f("app|https://h/x?token=abc&page=2", "app|https://h/x?token=***&page=2")
	f("app|https://h/x?se=1&sig=abc%2Fd%3D", "app|https://h/x?se=1&sig=***")
	f("git|clone|https://ghp_0123456789abcdefghijABCDEFGHIJ012345@github.com/a/b", "git|clone|https://***@github.com/a/b")

	// Known by their look.
	f("app|AKIAIOSFODNN7EXAMPLE", "app|***")
	f("app|id:AKIAIOSFODNN7EXAMPLE,x", "app|id:***,x")
	f("app|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "app|***")
	f("app|xoxb-1234567890-abcdef", "app|***")
	f("app|-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\n|z",
		"app|-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----\n|z")
	f("app|-----BEGIN PRIVATE KEY-----\nabc", "app|-----BEGIN PRIVATE KEY-----***")
	f("app|-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----", "app|-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----")

	// Letters that are secret to some programs only.
	f("mysql|-uroot|-phunter2|-P3306|shop", "mysql|-uroot|-p***|-P3306|shop")
	f("/usr/bin/mysqldump|-p|shop", "/usr/bin/mysqldump|-p|shop")
	f("sudo|mariadb-dump|-phunter2", "sudo|mariadb-dump|-p***")
	f("sh|-c|exec mysql -uroot -phunter2 shop", "sh|-c|exec mysql -uroot -p*** shop")
	f("sh|-c|cd /x; 'mysql' '-phunter2'|z", "sh|-c|cd /x; 'mysql' -p***|z")
	f("cc|-phunter2", "cc|-phunter2")
	f("sshpass|-p|x y|ssh|-p|2222|h", "sshpass|-p|***|ssh|-p|***|h")
	f("redis-cli|-a|x|get|k", "redis-cli|-a|***|get|k")
	f("redis-cli|AUTH|a:b", "redis-cli|AUTH|***")
	f("curl|-u|me:x|-o|f|http://h", "curl|-u|me:***|-o|f|http://h")
	f("curl|-su|me:x", "curl|-su|me:***")
	f("curl|-ume:x", "curl|-ume:***")
	f("curl|--user|me|http://h", "curl|--user|me|http://h")
	f("curl|--proxy-user|me:x", "curl|--proxy-user|me:***")
	f("smbclient|-U|dom/me%x|//h/s", "smbclient|-U|dom/me%***|//h/s")
	f("docker|login|-u|me|-p|x|reg", "docker|login|-u|me|-p|***|reg")
	f("ldapsearch|-D|cn=a|-w|x", "ldapsearch|-D|cn=a|-w|***")
}

// templates are the ways in which a secret, %, is given to a program.
var templates = []string{
	"app|--password=%", "app|--password|%", "app|--token|%|-v", "env|API_KEY=%", "sh|-c|TOKEN=% app -x",
	"sh|-c|TOKEN='%' app -x", `app|{"a":1,"secret":"%","b":2}`, "app|password: %\nx: y", "app|host=x password=% sslmode=y",
	"app|A=b;Password=%;C=d", "mysql|-p%", "curl|-u|me:%", "curl|-H|Authorization: Bearer %",
	"app|https://me:%@host/x", "app|https://h/?a=b&access_token=%&c=d", "app|me:%@tcp(h)/d",
	"sh|-c|curl -u me:% http://h", "sh|-c|app --password % -v", "app|title --token=% more", "psql|-c|PASSWORD '%' x",
	"app|-----BEGIN PRIVATE KEY-----%-----END PRIVATE KEY-----",
}

func FuzzSecretDoesNotSurvive(f *testing.F) {
	for i := range templates {
		f.Add(uint8(i), "hunter2hunter2")
		f.Add(uint8(i), "p#ss!w0rd%^*~")
		f.Add(uint8(i), "abc+def.ghi_jkl")
	}
	f.Fuzz(func(t *testing.T, which uint8, secret string) {
		template := templates[int(which)%len(templates)]
		// Secrets of blanks, quotes, brackets and separators end where the text
		// around them ends; ours are longer than what the templates hold.
		secret = strings.Map(func(r rune) rune {
			if r > ' ' && r < 0x7f && !strings.ContainsRune("\"'`\\,;&()[]{}<>/?|-:@=", r) {
				return r
			}
			return -1
		}, secret)
		if len(secret) < 8 || strings.Contains(template, secret) {
			return
		}
		line := strings.ReplaceAll(template, "%", secret)
		got := strings.Join(redact.Arguments(strings.Split(line, "|")), "|")
		if strings.Contains(got, secret) {
			t.Errorf("%q survived in %q", secret, got)
		}
	})
}

func FuzzRedact(f *testing.F) {
	for _, s := range templates {
		f.Add(s)
	}
	f.Add(`a|password="x"y|'token': "z`)
	f.Add("mysql||-p|-px|Bearer |: Bearer x|://:@@:@")
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "|")
		once := redact.Arguments(args)
		if len(once) != len(args) {
			t.Fatalf("%d arguments became %d", len(args), len(once))
		}
		if diff := cmp.Diff(once, redact.Arguments(once)); diff != "" {
			t.Errorf("Redact(%q) twice (-once +twice):\n%s", args, diff)
		}
	})
}

// A process chooses its arguments, so they must not be able to keep this
// program busy. A quadratic
// step takes tens of seconds here.
func TestRedactTakesLinearTime(t *testing.T) {
	for _, unit := range []string{" ", ")", "\"", "'", "\\", ",", ";\"", "@", "a:b@", "a:b@ ", "=", ":", "token=", "token= ",
		"token: ", "--token ", "--token", "\"token\":[", "\"token\":\"", "token='", "eyJ", "eyJ-", "AKIA", "sk-", "-----BEGIN ",
		"-----BEGIN PRIVATE KEY-----", "mysql -p ", "docker ", "curl -u a:b ", "Bearer ", "://", "http://a:", "-", "_", "Aa", "é"} {
		for _, start := range []string{"", "token=", "{\"token\":"} {
			text := start + strings.Repeat(unit, (64<<10)/len(unit)) + "x"
			began := time.Now()
			redact.Arguments([]string{"app", text})
			redact.Arguments(strings.Fields(text))
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%q repeated after %q took %v", unit, start, took)
			}
		}
	}
}

func BenchmarkRedact(b *testing.B) {
	java := strings.Fields("/usr/lib/jvm/java-17/bin/java -Xms1g -Xmx4g -XX:+UseG1GC -XX:MaxGCPauseMillis=200 " +
		"-Dlog4j.configurationFile=/etc/app/log4j2.xml -Dspring.profiles.active=production -Dserver.port=8080 " +
		"-Dspring.datasource.url=jdbc:postgresql://db:5432/shop -cp /opt/app/lib/a.jar:/opt/app/lib/b.jar com.example.shop.Main " +
		"--topic orders --group shop --servers kafka-1:9092,kafka-2:9092")
	for name, args := range map[string][]string{
		"clean":  java,
		"secret": append(slices.Clone(java), "--password", "hunter2", "postgres://me:x@db/shop"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				redact.Arguments(args)
			}
		})
	}
}
