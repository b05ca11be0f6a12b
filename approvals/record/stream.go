package record

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"sync"
)

// Stream is the audit log of a process that has no store: it writes each line once and
// remembers which ones, by Approval, until it is told to forget. The next process
// begins a chain of its own and writes again what is still in the cluster; a line's
// id tells.
type Stream struct {
	W io.Writer
	// Signer signs the head of what is written at once, nil for nobody.
	Signer *Signer

	mu   sync.Mutex
	keys PrintedKeys
	head Head
	done map[string][]string // kinds and digests by Approval UID
}

// Append writes those of lines that were not written yet.
func (s *Stream) Append(_ context.Context, lines []Line) ([]Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out, err := s.head.Chain(lines, s.has)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	var text bytes.Buffer
	if s.Signer != nil {
		last := &out[len(out)-1]
		if last.Signed, err = s.Signer.Head(last.Head()); err != nil {
			return nil, err
		}
	}
	keys, err := s.keys.Lines(s.Signer)
	if err != nil {
		return nil, err
	}
	text.Write(keys)
	for _, e := range out {
		text.Write(e.Lines())
	}
	if _, err := s.W.Write(text.Bytes()); err != nil {
		return nil, err
	}
	if s.done == nil {
		s.done = map[string][]string{}
	}
	for _, e := range out {
		uid, rest, _ := strings.Cut(e.ID, "/")
		s.done[uid] = append(s.done[uid], rest)
	}
	s.head = out[len(out)-1].Head()
	s.keys.Printed(s.Signer)
	return out, nil
}

// Missing returns the ids that this process has not written.
func (s *Stream) Missing(_ context.Context, ids []string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(ids), s.has), nil
}

// Forget frees what is remembered of an Approval that is gone.
func (s *Stream) Forget(uid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.done, uid)
}

func (s *Stream) has(id string) bool {
	uid, rest, _ := strings.Cut(id, "/")
	return slices.Contains(s.done[uid], rest)
}
