package tui

import (
	"runtime"
	"testing"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// spent reports the processor's time of an operation, which other programs on the
// machine do not lengthen as they do the clock's.
func spent(b *testing.B, f func()) {
	use := func() int64 {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	began := use()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(use()-began)/float64(b.N)/1e6, "cpu-ms/op")
}

// BenchmarkFrame is what the terminal waits for at 5,000 rows. The budget is 8 ms.
func BenchmarkFrame(b *testing.B) {
	w := crowd(1, 5600)
	ready := func() *player { return play(Config{Level: "process"}, w, 160, 50).ticks(3) }
	b.Run("key", func(b *testing.B) {
		p := ready()
		b.ReportMetric(float64(len(p.list)), "rows")
		spent(b, func() {
			p.update(tea.KeyPressMsg{Code: 'j', Text: "j"})
			p.frame()
		})
	})
	b.Run("sort", func(b *testing.B) {
		p := ready()
		spent(b, func() {
			p.update(tea.KeyPressMsg{Code: 's', Text: "s"})
			p.frame()
		})
	})
	b.Run("tick", func(b *testing.B) {
		p := ready()
		m := w.at(4)
		spent(b, func() {
			p.update(mapMsg{m})
			p.looking = false
			p.frame()
		})
	})
	b.Run("rows", func(b *testing.B) {
		p := ready()
		s := p.update(mapMsg{w.at(4)})().(*shot)
		spent(b, func() {
			p.update(s)
			p.frame()
		})
	})
	b.Run("look", func(b *testing.B) { // beside the terminal, on another goroutine
		p := ready()
		m := w.at(4)
		spent(b, func() {
			cmd := p.update(mapMsg{m})
			p.looking = false
			cmd()
		})
	})
}
