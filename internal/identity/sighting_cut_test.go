package identity_test

import (
	"strings"
	"testing"

	"peerscope/internal/identity"
)

// seenOnly reads processes of which nothing is left but the sighting.
func seenOnly() *identity.Reader {
	return identity.New(identity.Config{ProcRoot: "testdata/none", PasswdPath: "testdata/none", Boot: boot})
}

// raw are arguments as they are in memory.
func raw(args []string) []byte { return []byte(strings.Join(args, "\x00") + "\x00") }

// checkCuts fails if a command line that was cut off anywhere says more than
// the beginning of the whole one, redacted.
func checkCuts(t *testing.T, args, want []string) {
	t.Helper()
	r := seenOnly()
	memory := raw(args)
	whole := strings.NewReplacer("\n", `\n`).Replace(strings.Join(want, " "))
	for end := 1; end < len(memory); end++ {
		// A source may not know that it cut.
		for _, cut := range []bool{true, false} {
			p := r.Sighted(&identity.Sighting{PID: 7, Start: 7, Comm: "app", Args: memory[:end], ArgsCut: cut}, 1)
			got := strings.TrimSuffix(strings.TrimSuffix(p.CommandLine, "***"), " ")
			if !strings.HasPrefix(whole, got) {
				t.Errorf("%q cut at %d (%t) is %q, want a beginning of %q", args, end, cut, p.CommandLine, whole)
			}
		}
	}
}

// secretBytes are in none of the templates, so each is known wherever it turns
// up.
const secretBytes = "QZJj79%^~#"

func TestNoByteOfASecretSurvivesACut(t *testing.T) {
	r := seenOnly()
	for _, template := range templates {
		if strings.ContainsAny(strings.ReplaceAll(template, "%", ""), secretBytes) {
			t.Fatalf("%q has a byte of the secrets", template)
		}
		for _, secret := range []string{"Q", "QZ7", "jJ9^QZ7#Zj~%", strings.Repeat("QZ%^Jj79", 8), strings.Repeat("7", 600)} {
			memory := raw(strings.Split(strings.ReplaceAll(template, "%", secret), "|"))
			for end := range len(memory) {
				p := r.Sighted(&identity.Sighting{PID: 7, Start: 7, Comm: "app", Args: memory[:end], ArgsCut: true}, 1)
				if at := strings.IndexAny(p.CommandLine+p.Name, secretBytes); at >= 0 {
					t.Errorf("%q cut at %d shows its secret: %q", memory, end, p.CommandLine)
					break
				}
			}
		}
	}
}

func FuzzSecretDoesNotSurviveACut(f *testing.F) {
	for i := range templates {
		f.Add(uint8(i), []byte{3, 1, 4, 1, 5, 9}, uint16(40*i), "-v --port=1")
	}
	r := seenOnly()
	f.Fuzz(func(t *testing.T, which uint8, bytes []byte, end uint16, more string) {
		var secret strings.Builder
		for _, b := range bytes {
			secret.WriteByte(secretBytes[int(b)%len(secretBytes)])
		}
		template := templates[int(which)%len(templates)]
		more = strings.Map(func(r rune) rune { // what is escaped has digits
			if r < ' ' || r > '~' || strings.ContainsRune(secretBytes, r) {
				return -1
			}
			return r
		}, more)
		if secret.Len() < 4 {
			return
		}
		memory := raw(append(strings.Split(strings.ReplaceAll(template, "%", secret.String()), "|"), more))
		p := r.Sighted(&identity.Sighting{PID: 7, Start: 7, Comm: "app", Args: memory[:int(end)%len(memory)], ArgsCut: true}, 1)
		if strings.ContainsAny(p.CommandLine, secretBytes) {
			t.Errorf("%q cut at %d shows its secret: %q", memory, int(end)%len(memory), p.CommandLine)
		}
	})
}
