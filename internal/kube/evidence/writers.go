package evidence

import (
	"time"

	"github.com/countersign-dev/countersign/internal/turns"
)

const (
	// One write at a time goes into a namespace: two that look at what is kept at once would both
	// find room for themselves. Each replica has its own turns, so a namespace may have up to one
	// piece of evidence beyond its quota for each other replica.
	writesAtOnce, writesOfOne = 32, 1
	// writeWait is how long a write waits for those before it.
	writeWait = 10 * time.Second
)

// writers are the turns of those who write. The zero Store is ready.
func (s *Store) writers() *turns.Turns {
	s.once.Do(func() { s.writes = turns.New(writesAtOnce, writesOfOne, writeWait) })
	return s.writes
}
