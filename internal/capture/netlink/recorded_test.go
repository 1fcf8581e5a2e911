package netlink

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// With -update, tests that read recorded bytes record them anew from the
// running kernel (as root, in network namespaces of their own) and rewrite what
// they expect.
var update = flag.Bool("update", false, "record testdata from this kernel and rewrite the golden files")

// recording collects messages as the kernel sent them, headers rebuilt.
type recording struct{ bytes.Buffer }

// add is of the type that dump and receive call.
func (r *recording) add(msgType uint16, payload []byte) error {
	h := appendHeader(nil, msgType)
	binary.NativeEndian.PutUint32(h, uint32(headerLen+len(payload)))
	r.Write(h)
	r.Write(payload)
	r.Write(make([]byte, align4(len(payload))-len(payload)))
	return nil
}

// checkRecorded parses testdata/NAME.bin, one line of text a message, and
// compares with testdata/NAME.golden. record runs only with -update. The bytes
// are of a little-endian machine.
func checkRecorded(t *testing.T, name string, record func(*testing.T, *recording), line func(payload []byte) (string, error)) {
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
	if *update {
		requireRoot(t)
		var r recording
		record(t, &r)
		writeFile(t, binName, r.Bytes())
	}
	var got strings.Builder
	err = eachMessage(readFile(t, binName), func(_ uint16, payload []byte) error {
		s, err := line(payload)
		got.WriteString(s + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		writeFile(t, goldenName, []byte(got.String()))
	}
	if d := cmp.Diff(string(readFile(t, goldenName)), got.String()); d != "" {
		t.Errorf("%s (-want +got):\n%s", filepath.Base(goldenName), d)
	}
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

// recordedPayloads are the payloads of testdata/NAME.bin: seeds for fuzzing.
func recordedPayloads(t testing.TB, name string) [][]byte {
	t.Helper()
	var out [][]byte
	err := eachMessage(readFile(t, filepath.Join("testdata", name+".bin")), func(_ uint16, payload []byte) error {
		out = append(out, payload)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
