package netns

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
)

func survey(t *testing.T, selectors ...string) *Survey {
	t.Helper()
	s, err := OpenSurvey(selectors, "/proc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// entered scans and returns which of the namespaces with these inodes are new,
// where enter answers with err.
func entered(t *testing.T, s *Survey, err error, inodes ...uint64) (got []uint64, failed error) {
	t.Helper()
	if err := s.Scan(); err != nil {
		t.Fatal(err)
	}
	failed = s.EnterNew(func(h *Handle) error {
		if !slices.Contains(inodes, h.Inode) {
			return nil
		}
		got = append(got, h.Inode)
		return err
	})
	return got, failed
}

func TestEveryNamespaceIsEnteredOnce(t *testing.T) {
	first, second := capturetest.NewNamespace(t), capturetest.NewNamespace(t)
	capturetest.Live(t, first)
	capturetest.Live(t, second)
	inodes := []uint64{first.Inode, second.Inode}
	slices.Sort(inodes)
	s := survey(t)
	f := func(what string, answer error, want ...uint64) {
		t.Helper()
		if got, err := entered(t, s, answer, inodes...); !slices.Equal(got, want) || err != nil {
			t.Errorf("%s: entered %v, want %v; error %v", what, got, want, err)
		}
	}
	f("one that cannot be entered just now", unix.ENOMEM, inodes...)
	f("is tried again", nil, inodes...)
	f("and not any more", nil)

	s = survey(t)
	f("one that must not be entered", fmt.Errorf("enter: %w", unix.EPERM), inodes...)
	f("is not tried again", nil)
}

func TestWhatWasAskedForMustBeEntered(t *testing.T) {
	n, other := capturetest.NewNamespace(t), capturetest.NewNamespace(t)
	capturetest.Live(t, n)
	capturetest.Live(t, other)
	s := survey(t, fmt.Sprint(n.Inode), fmt.Sprint(n.Inode))
	refuse := errors.New("refused")
	got, err := entered(t, s, refuse, n.Inode, other.Inode)
	if !errors.Is(err, refuse) || !slices.Equal(got, []uint64{n.Inode}) {
		t.Errorf("entered %v, error %v", got, err)
	}
}

func TestFindSaysWhatKeepsANamespace(t *testing.T) {
	dir := t.TempDir()
	byPath, byProcess := capturetest.NewNamespace(t), capturetest.NewNamespace(t)
	byName, _ := named(t, "pst2-find")
	remove := byPath.Name(t, dir, "pst2-path")
	pid, end := capturetest.Live(t, byProcess)
	s := survey(t, "pst2-find", filepath.Join(dir, "pst2-path"), fmt.Sprint(byProcess.Inode))
	f := func(inode uint64, want Living, wantLives bool) {
		t.Helper()
		got, lives := s.Find(inode)
		if lives != wantLives || got.Name != want.Name || got.Named != want.Named || !slices.Equal(got.PIDs, want.PIDs) {
			t.Errorf("namespace %d: %+v, lives %v; want %+v, %v", inode, got, lives, want, wantLives)
		}
		if listed := slices.Contains(s.Inodes(), inode); listed != wantLives {
			t.Errorf("namespace %d is listed: %v", inode, listed)
		}
	}
	if err := s.Scan(); err != nil {
		t.Fatal(err)
	}
	f(byName.Inode, Living{Name: "pst2-find", Named: true}, true)
	f(byPath.Inode, Living{Named: true}, true) // a file elsewhere keeps it, and is no name
	f(byProcess.Inode, Living{PIDs: []int32{pid}}, true)

	remove()
	end()
	if err := s.Scan(); err != nil {
		t.Fatal(err)
	}
	f(byName.Inode, Living{Name: "pst2-find", Named: true}, true)
	f(byPath.Inode, Living{}, false)
	f(byProcess.Inode, Living{}, false)
}
