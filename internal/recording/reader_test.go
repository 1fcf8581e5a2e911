package recording_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"peerscope/internal/flow"
	"peerscope/internal/recording"
)

const header = `{"format":"peerscope.recording","version":1,"created":"2026-01-02T03:04:05Z"}` + "\n"

// compressed is s as another program would compress it.
func compressed(t testing.TB, s string) string {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(z.EncodeAll([]byte(s), nil))
}

func TestCutRecordingGivesEveryWholeLine(t *testing.T) {
	all := every(t)
	whole := write(t, recording.Options{Tool: "x"}, all...)
	for n := range len(whole) {
		got, r, err := readAll(whole[:n])
		// A line that lacks only its newline is whole.
		lines := bytes.Count(whole[:n], []byte("\n"))
		rest := whole[bytes.LastIndexByte(whole[:n], '\n')+1 : n]
		if len(rest) > 0 && whole[n] == '\n' {
			lines, rest = lines+1, nil
		}
		wantRead := max(lines-1, 0)
		if len(got) != wantRead || r != nil && r.Skipped() != 0 {
			t.Fatalf("cut at %d: %d observations, want %d", n, len(got), wantRead)
		}
		if diff := cmp.Diff(all[:wantRead], append([]flow.Observation{}, got...), compareAddrs); diff != "" {
			t.Fatalf("cut at %d (-written +read):\n%s", n, diff)
		}
		var cut *recording.TruncatedError
		switch {
		case n == 0:
			if !errors.Is(err, recording.ErrEmpty) {
				t.Fatalf("cut at 0: %v", err)
			}
		case len(rest) == 0:
			if !errors.Is(err, io.EOF) {
				t.Fatalf("cut at %d, behind a line: %v", n, err)
			}
		case !errors.As(err, &cut) || cut.Line != lines+1:
			t.Fatalf("cut at %d: %v, want cut off in line %d", n, err, lines+1)
		}
	}
}

func TestCutCompressedRecordingGivesWhatWasFlushed(t *testing.T) {
	all := every(t)
	var b bytes.Buffer
	w, err := recording.NewWriter(&b, recording.Options{Compress: true, Created: created})
	if err != nil {
		t.Fatal(err)
	}
	flushed := map[int]int{} // bytes: observations
	for i, o := range all {
		if err := errors.Join(w.Write(o), w.Flush()); err != nil {
			t.Fatal(err)
		}
		flushed[b.Len()] = i + 1
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	atLeast := 0
	for n := range b.Len() {
		atLeast = max(atLeast, flushed[n])
		got, _, err := readAll(b.Bytes()[:n])
		if len(got) < atLeast {
			t.Fatalf("cut at %d: %d observations, %d were flushed", n, len(got), atLeast)
		}
		if diff := cmp.Diff(all[:len(got)], append([]flow.Observation{}, got...), compareAddrs); diff != "" {
			t.Fatalf("cut at %d (-written +read):\n%s", n, diff)
		}
		var cut *recording.TruncatedError
		if n > 0 && !errors.As(err, &cut) {
			t.Fatalf("cut at %d: %v, want cut off", n, err)
		}
		if cut != nil && cut.Line != len(got)+2 && len(got) > 0 {
			t.Fatalf("cut at %d: in line %d after %d observations", n, cut.Line, len(got))
		}
	}
}

func TestOtherFilesAreToldApart(t *testing.T) {
	f := func(content, want string) {
		t.Helper()
		for _, c := range []string{content, compressed(t, content)} {
			_, err := recording.NewReader(strings.NewReader(c))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.60q: %v, want %q", c, err, want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%.60q: %q is not one line", c, err)
			}
		}
	}
	const other = "not a peerscope recording"
	f("", "is empty")
	f("\n", other)
	f("hello\n", other)
	f("\x7fELF\x02\x01\x01\x00\x00", other)
	f("\x1f\x8b\x08\x00\x00", other)
	f("\x00", other)
	f(strings.Repeat("\x1b[2J", 1<<20), other)
	f("{"+strings.Repeat(" ", 1<<20), other)
	f("{}\n", other)
	f("[]\n", other)
	f("{\n", other)
	f(`{"schema":"peerscope.map/v1","nodes":[]}`, other)
	f(`{"format":"other","version":1}`+"\n", other)
	f(`{"format":"peerscope.recording"}`+"\n", other)
	f(`{"format":"peerscope.recording","version":0}`+"\n", other)
	f(`{"format":"peerscope.recording","version":2,"created":7}`+"\n", "version 2")
	f(`{"format":"peerscope.recording","version":1,"created":"yesterday"}`+"\n", "line 1")
	f(`{"format":"peerscope.recor`, "cut off in line 1")
	f(header[:60], "cut off in line 1")
	f(`{"format":"peerscope.map`, other)

	damaged := []byte(compressed(t, header+strings.Repeat("x", 1000)))
	damaged[4] = 0xff
	if _, err := recording.NewReader(bytes.NewReader(damaged)); err == nil {
		t.Error("a damaged frame was accepted")
	}
	var version *recording.VersionError
	_, err := recording.NewReader(strings.NewReader(`{"format":"peerscope.recording","version":3}`))
	if !errors.As(err, &version) || *version != (recording.VersionError{Got: 3, Want: 1}) {
		t.Errorf("got %v, want a VersionError", err)
	}
}

func TestDamagedLineEndsReading(t *testing.T) {
	const good = `{"t":"window","o":{"start":1}}` + "\n"
	f := func(line, want string) {
		t.Helper()
		for _, c := range []string{header + good + line + "\n" + good, compressed(t, header+good+line+"\n"+good)} {
			got, r, err := readAll([]byte(c))
			var syntax *recording.SyntaxError
			if len(got) != 1 || !errors.As(err, &syntax) || syntax.Line != 3 || !strings.Contains(err.Error(), want) {
				t.Errorf("%.60q: read %d, then %v, want 1, then line 3 with %q", line, len(got), err, want)
				continue
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("%.60q: %q is not one line", line, err)
			}
			if _, again := r.Next(); again != err { // the very same error
				t.Errorf("%.60q: %v the second time", line, again)
			}
		}
	}
	f("x\x1b[2J", "invalid character")
	f(`{"t":"window","o":{"start":1}`, "unexpected end")
	f(`{"t":"window","o":{"start":1}}}`, "after top-level value")
	f(`{"t":"window","o":{"start":"x"}}`, "string")
	f(`{"t":"window","o":null}`, "no observation")
	f(`{"t":"window","o":[]}`, "no observation")
	f(`{"t":"window"}`, "no observation")
	f(`{"o":{"start":1}}`, "no type")
	f(`{"t":7,"o":{}}`, "number")
	f(`null`, "no type")
	f(`{"t":"future","o":{"a":}}`, "invalid character")
	f(`{"t":"socket","o":{"local":"nonsense"}}`, "ip:port")
	f(`{"t":"gap","o":{"code":7,"reason":"x"}}`, "number")
	f(`{"t":"window","o":{"start":`+strings.Repeat("1", 16<<20)+`}}`, "longer than 16777216 bytes")
	f(strings.TrimSpace(header), "no type")
}

func TestNewerMinorAdditionsAreRead(t *testing.T) {
	content := header + "\n" +
		`{"t":"window","o":{"start":1,"color":"red"}}` + "\n" +
		`{"t":"weather","o":{"rain":true}}` + "\n" +
		` {"o": {"start": 2}, "t": "window", "x": 1} ` + "\r\n" +
		`{"t":"socket","o":{"transport":"quic","state":"established"}}` + "\n" +
		`{"t":"socket","o":{"transport":"tcp","state":"bound_inactive"}}` + "\n" +
		`{"t":"loss","o":{"reason":"sunspots","count":3}}` + "\n" +
		`{"t":"gap","o":{"code":"x","reason":"sunspots"}}` + "\n" +
		`{"t":"window","o":{"start":3}}` // no newline
	want := []flow.Observation{&flow.Window{Start: 1}, &flow.Window{Start: 2}, &flow.Gap{Code: "x", Reason: "sunspots"}, &flow.Window{Start: 3}}
	for _, c := range []string{content, compressed(t, content), compressed(t, content[:150]) + compressed(t, content[150:])} {
		got, r, err := readAll([]byte(c))
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, io.EOF) || r.Skipped() != 4 {
			t.Errorf("%v, %d skipped, want 4 (-want +got):\n%s", err, r.Skipped(), diff)
		}
	}
}

func TestErrorOfTheUnderlyingReaderIsKept(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, compress := range []bool{false, true} {
		b := write(t, recording.Options{Compress: compress}, every(t)...)
		for _, n := range []int{0, 2, 10, 40, len(b) - 1} {
			r, err := recording.NewReader(io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken)))
			for err == nil {
				_, err = r.Next()
			}
			if !errors.Is(err, broken) {
				t.Errorf("compress %v, broken at %d: %v", compress, n, err)
			}
		}
		// In small pieces it is the same recording.
		r, err := recording.NewReader(iotest.OneByteReader(bytes.NewReader(b)))
		n := 0
		for err == nil {
			if _, err = r.Next(); err == nil {
				n++
			}
		}
		if !errors.Is(err, io.EOF) || n != len(every(t)) {
			t.Errorf("compress %v, byte by byte: %d read, then %v", compress, n, err)
		}
	}
}

func TestReaderThatIsNotReadToItsEndLeavesNothing(t *testing.T) {
	var all []flow.Observation
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		all = append(all, &flow.Exit{Time: flow.Time(random.Int64())})
	}
	b := write(t, recording.Options{Compress: true}, all...)
	before := runtime.NumGoroutine()
	for range 10 {
		r, err := recording.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

func TestMemoryOfReaderIsBounded(t *testing.T) {
	// A frame that asks for a window of 1 GiB (RFC 8878 section 3.1.1.1.2:
	// exponent 20), and a small file that holds a line of 256 MiB.
	var bomb bytes.Buffer
	z, err := zstd.NewWriter(&bomb)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	_, _ = io.WriteString(z, header)
	for range 256 {
		_, _ = z.Write(zeros)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"window": []byte("\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00"), "line": bomb.Bytes()} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := readAll(b)
		runtime.ReadMemStats(&after)
		var syntax *recording.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: %v, want a SyntaxError", name, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 160<<20 {
			t.Errorf("%s: %d MiB allocated", name, grown>>20)
		}
	}
}

func FuzzReader(f *testing.F) {
	plain := write(f, recording.Options{Tool: "x"}, every(f)...)
	f.Add(plain)
	f.Add(write(f, recording.Options{Compress: true}, every(f)...))
	f.Add([]byte(header + `{"t":"socket","o":{"transport":"quic"}}` + "\n" + `{"o":{},"t":"exit"}`))
	for _, o := range every(f) { // small inputs are quickly changed
		f.Add(write(f, recording.Options{}, o))
	}
	f.Add([]byte(compressed(f, header)))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, r, err := readAll(b)
		if err == nil {
			t.Fatal("no error at the end")
		}
		if strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%q is not one line", err)
		}
		if r == nil {
			return
		}
		// What was read can be written and read again.
		again, _, err := readAll(write(t, recording.Options{}, got...))
		if diff := cmp.Diff(got, again, compareAddrs); diff != "" || !errors.Is(err, io.EOF) {
			t.Errorf("second reading: %v (-first +second):\n%s", err, diff)
		}
	})
}
