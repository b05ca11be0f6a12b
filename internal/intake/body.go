package intake

import (
	"bytes"
	"sync"
)

// Body is a request's body, which is whole. Who knows that takes it without a copy.
type Body struct {
	bytes.Reader
	all []byte
}

func (b *Body) set(all []byte) {
	b.all = all
	b.Reset(all)
}

// Bytes are the whole body. They are good until the request ends.
func (b *Body) Bytes() []byte { return b.all }

// Close does nothing.
func (*Body) Close() error { return nil }

// mostKept bounds the buffers that are used again: larger bodies are rare.
const mostKept = 64 << 10

// buffers are those of bodies that were forgotten. With one of its own for each, events that concern nobody cost
// more in garbage collection than in all else that is done about them.
var buffers sync.Pool

// newBuffer returns an empty buffer with room for n bytes.
func newBuffer(n int64) []byte {
	if n <= mostKept {
		if b, ok := buffers.Get().(*[]byte); ok && int64(cap(*b)) >= n {
			return (*b)[:0]
		}
	}
	return make([]byte, 0, n)
}

// Forget gives the bytes away: another body may have them at once. Call it only where nothing that was read from here
// is used any more; a body that is not forgotten is left to the collector.
func (b *Body) Forget() {
	if all := b.all; cap(all) <= mostKept {
		buffers.Put(&all)
	}
	b.set(nil)
}
