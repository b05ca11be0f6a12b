package history

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
)

// The files of a history.
const (
	metaFile      = "meta.json"
	PlansFile     = "plans.jsonl"
	OpsFile       = "ops.jsonl"
	FaultsFile    = "faults.jsonl"
	LooksFile     = "looks.jsonl"
	SamplesFile   = "samples.jsonl"
	MailsFile     = "mails.jsonl"
	SkippedFile   = "skipped.jsonl"
	PrunedFile    = "pruned.jsonl"
	ObeyedFile    = "obeyed.jsonl"
	ApprovalsFile = "approvals.jsonl"
	RunsFile      = "runs.jsonl"
	VotesFile     = "votes.jsonl"

	FinalApprovalsFile = "final-approvals.json"
	FinalRunsFile      = "final-runs.json"
	FinalVotesFile     = "final-votes.json"
)

// Writer writes what happens as it happens, a line each: what was seen until a kill is kept.
type Writer struct {
	Dir string

	mu    sync.Mutex
	files map[string]*os.File
	err   error // the first one
}

// NewWriter begins a history in a folder.
func NewWriter(dir string) (*Writer, error) {
	return &Writer{Dir: dir, files: map[string]*os.File{}}, os.MkdirAll(dir, 0o755)
}

// Add writes a line to one of the files.
func (w *Writer) Add(name string, v any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.add(name, v); err != nil && w.err == nil {
		w.err = err
	}
}

func (w *Writer) add(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f := w.files[name]
	if f == nil {
		if f, err = os.Create(filepath.Join(w.Dir, name)); err != nil {
			return err
		}
		w.files[name] = f
	}
	_, err = f.Write(append(b, '\n'))
	return err
}

// Whole writes one of the files at once.
func (w *Writer) Whole(name string, v any) {
	b, err := json.Marshal(v)
	if err == nil {
		err = os.WriteFile(filepath.Join(w.Dir, name), b, 0o644)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && w.err == nil {
		w.err = err
	}
}

// End writes the last of it and closes everything. Its error is the first one of all.
func (w *Writer) End(m Meta) error {
	w.Whole(metaFile, m)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.files {
		if err := f.Close(); err != nil && w.err == nil {
			w.err = err
		}
	}
	return w.err
}
