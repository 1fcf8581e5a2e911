package history

// pieces give memory for many small things at once. What was given lives as long
// as anything of its piece does, so they are for what lives and dies together.
type pieces[T any] struct{ free []T }

// pieceSize is how many things are made room for at once.
const pieceSize = 1024

func (p *pieces[T]) new() *T { return &p.take(1)[0] }

// take is room for n things, all zero, to which nothing can be appended in place.
func (p *pieces[T]) take(n int) []T {
	if n > len(p.free) {
		if n > pieceSize/4 {
			return make([]T, n)
		}
		p.free = make([]T, pieceSize)
	}
	t := p.free[:n:n]
	p.free = p.free[n:]
	return t
}
