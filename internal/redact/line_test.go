package redact

import (
	"slices"
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	for line, want := range map[string]string{
		"":                                    "",
		"nginx: worker process":               "nginx: worker process",
		"app --password=hunter2 --port 80":    "app --password=*** --port 80",
		"app --password hunter2 --port 80":    "app --password *** --port 80",
		"app token=abc123 x":                  "app token=*** x",
		"env AWS_SECRET_ACCESS_KEY=a/b+c run": "env AWS_SECRET_ACCESS_KEY=*** run",
		"psql postgres://ana:pw@db/x":         "psql postgres://ana:***@db/x",
		"curl -u ana:pw http://h/":            "curl -u ana:*** http://h/",
		"mysql -ppw db":                       "mysql -p*** db",
		"a  b":                                "a  b",
	} {
		if got := Line(line); got != want {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
	}
}

func TestLabel(t *testing.T) {
	for _, x := range []struct{ key, value, want string }{
		{"app", "shop", "shop"}, {"db-password", "hunter2", "***"}, {"example.com/api-token", "abc", "***"}, {"traefik.http.middlewares.x.basicauth.users", "ana:$2y$", "***"},
		{"author", "ana", "ana"}, {"url", "https://ana:pw@h/", "https://ana:***@h/"}, {"secret", "true", "true"}, {"", "", ""},
	} {
		if got := Label(x.key, x.value); got != x.want {
			t.Errorf("%s=%s is %s, want %s", x.key, x.value, got, x.want)
		}
	}
}

// FuzzLine: what is redacted is not changed by redacting it again, and a secret
// that follows a key is gone.
func FuzzLine(f *testing.F) {
	for _, line := range []string{"app --password=x", "sh -c 'mysql -px'", "a://b:c@d", "x: Bearer y z", "-----BEGIN PRIVATE KEY-----", "--token \xff", "curl -u a:b -su c:d"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		once := Line(line)
		if twice := Line(once); twice != once {
			t.Errorf("%q is %q, and then %q", line, once, twice)
		}
		if strings.Count(once, " ") > strings.Count(line, " ") {
			t.Errorf("%q has more words: %q", line, once)
		}
		const secret = "QZJ7QZJ7QZJ7"
		if i := strings.Index(line, secret); i < 0 && !slices.Contains(strings.Fields(line), "") {
			if got := Line("app --password=" + secret); strings.Contains(got, secret) {
				t.Errorf("%q", got)
			}
		}
	})
}
