package evidence

import "time"

// Key names bytes that are stored outside of the cluster. The SHA-256 is that of the bytes before
// compression: two writers of different bytes under one name don't overwrite each other.
type Key struct {
	Namespace, Object, SHA256 string
}

// Stored is what a store says of the bytes under a Key, without them.
type Stored struct {
	Key
	Bytes  int64     // after compression
	KeptAt time.Time // when they were written last
	// OrphanedAt is when no object in the cluster was found to stand for them, zero while one is.
	OrphanedAt time.Time
}
