package capturetest

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/capture/nlsocket"
)

// Recording collects netlink messages as the kernel sent them, headers rebuilt.
type Recording struct{ bytes.Buffer }

// Add is of the type that (*nlsocket.Conn).Dump and Receive call.
func (r *Recording) Add(msgType uint16, payload []byte) error {
	h := nlsocket.AppendHeader(nil, msgType)
	binary.NativeEndian.PutUint32(h, uint32(len(h)+len(payload)))
	r.Write(h)
	r.Write(payload)
	r.Write(make([]byte, -len(payload)&3)) // messages begin at multiples of 4
	return nil
}

// CheckRecorded parses testdata/NAME.bin, one line of text a message, and
// compares with testdata/NAME.golden. The bytes are of a little-endian machine.
// With update, record records them anew from the running kernel and the golden
// file is rewritten.
func CheckRecorded(t *testing.T, name string, update bool, record func(*testing.T, *Recording), line func(payload []byte) (string, error)) {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("recorded on a little-endian machine")
	}
	testdata, err := filepath.Abs("testdata") // record may change the directory
	if err != nil {
		t.Fatal(err)
	}
	binName := filepath.Join(testdata, name+".bin")
	goldenName := filepath.Join(testdata, name+".golden")
	if update {
		RequireRoot(t)
		var r Recording
		record(t, &r)
		writeFile(t, binName, r.Bytes())
	}
	var got strings.Builder
	err = nlsocket.EachMessage(readFile(t, binName), func(_ uint16, payload []byte) error {
		s, err := line(payload)
		got.WriteString(s + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if update {
		writeFile(t, goldenName, []byte(got.String()))
	}
	if d := cmp.Diff(string(readFile(t, goldenName)), got.String()); d != "" {
		t.Errorf("%s (-want +got):\n%s", filepath.Base(goldenName), d)
	}
}

// RecordedPayloads are the payloads of testdata/NAME.bin: seeds for fuzzing.
func RecordedPayloads(t testing.TB, name string) [][]byte {
	t.Helper()
	var out [][]byte
	err := nlsocket.EachMessage(readFile(t, filepath.Join("testdata", name+".bin")), func(_ uint16, payload []byte) error {
		out = append(out, payload)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
