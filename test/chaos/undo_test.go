//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// undo keeps a shell script for each thing that is broken, which repairs it: in a file before anything
// is broken, so that the next run after a kill -9 of the harness finds it. The same script repairs it
// otherwise.
type undo struct {
	dir string
	mu  sync.Mutex
}

// newUndo mends what an earlier run has left, which was killed.
func newUndo(ctx context.Context) (*undo, error) {
	u := &undo{dir: filepath.Join(cache(), "chaos", "undo")}
	if err := os.MkdirAll(u.dir, 0o755); err != nil {
		return nil, err
	}
	u.all(ctx)
	if left := u.left(); len(left) > 0 {
		return nil, fmt.Errorf("what an earlier run broke can't be mended: run these by hand, and delete them: %s", strings.Join(left, ", "))
	}
	return u, nil
}

func (u *undo) left() []string {
	files, _ := filepath.Glob(filepath.Join(u.dir, "*.sh"))
	return files
}

// broken notes how to mend what is about to be broken; the function that it returns does so.
func (u *undo) broken(what, script string) (mend func(context.Context) error, err error) {
	file := filepath.Join(u.dir, strings.ReplaceAll(what, " ", "-")+".sh")
	if err := os.WriteFile(file, []byte("set -eu\n"+script+"\n"), 0o644); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return u.mend(ctx, file) }, nil
}

// mend runs a script until it succeeds, for a minute, and forgets it. Its key is its file:
// what was mended is not mended again. It is done whether ctx has ended or not.
func (u *undo) mend(ctx context.Context, file string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if _, err := os.Stat(file); err != nil {
		return nil //nolint:nilerr // it is mended
	}
	return persist(ctx, func() error {
		if b, err := exec.CommandContext(ctx, "bash", file).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", filepath.Base(file), err, b)
		}
		return os.Remove(file)
	})
}

// all mends everything that is still broken.
func (u *undo) all(ctx context.Context) {
	for _, file := range u.left() {
		if err := u.mend(ctx, file); err != nil {
			say("NOT MENDED: %v", err)
		}
	}
}
