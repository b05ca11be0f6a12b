//go:build chaos

package chaos

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/countersign-dev/countersign/test/chaos/history"
	"github.com/countersign-dev/countersign/test/cluster"
)

// logs holds open what the service's containers print: a pod that is deleted takes its
// files along, but not from who has them open. They are told apart by inode, since a
// container that starts again has a new one under an old name now and then.
type logs struct {
	mu    *sync.Mutex
	dir   string // of the history
	files map[uint64]*os.File
	names map[uint64]string
}

func newLogs(dir string) logs {
	return logs{mu: &sync.Mutex{}, dir: dir, files: map[uint64]*os.File{}, names: map[uint64]string{}}
}

// catch opens each log that is there.
func (l logs) catch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, _ := filepath.Glob(filepath.Join(cache(), "cluster", "run", "pods", cluster.ServiceNamespace+"_countersign-*", "countersign", "*.log"))
	for _, path := range found {
		st, err := os.Stat(path)
		if err != nil {
			continue
		}
		inode := st.Sys().(*syscall.Stat_t).Ino
		if l.files[inode] != nil {
			continue
		}
		if f, err := os.Open(path); err == nil {
			l.files[inode] = f
			l.names[inode] = strings.Split(filepath.Base(filepath.Dir(filepath.Dir(path))), "_")[1] + "_" + filepath.Base(path)
		}
	}
}

// save writes what was printed: standard output and standard error apart.
func (l logs) save() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all error
	for inode, f := range l.files {
		all = errors.Join(all, l.split(f, history.LogPrefix+l.names[inode]))
	}
	return all
}

func (l logs) split(f *os.File, name string) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	defer f.Close()
	out, err := os.Create(filepath.Join(l.dir, name+history.LogOut))
	if err != nil {
		return err
	}
	defer out.Close()
	errs, err := os.Create(filepath.Join(l.dir, name+history.LogErr))
	if err != nil {
		return err
	}
	defer errs.Close()
	for r := bufio.NewReaderSize(f, 1<<20); ; {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		p := strings.SplitN(line, " ", 4) // time, stream, F or P, text
		if len(p) < 4 {
			continue
		}
		if p[2] == "P" {
			p[3] = strings.TrimSuffix(p[3], "\n")
		}
		to := errs
		if p[1] == "stdout" {
			to = out
		}
		if _, err := to.WriteString(p[3]); err != nil {
			return err
		}
	}
}
