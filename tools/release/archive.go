package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// archives writes the downloads of the command line.
func (r *release) archives(programs []program) error {
	license, err := os.ReadFile(filepath.Join(r.Root, "LICENSE"))
	if err != nil {
		return err
	}
	for _, p := range programs {
		if p.Name != "tkn-approval" {
			continue
		}
		b, err := os.ReadFile(p.Path)
		if err != nil {
			return err
		}
		files := []entry{{"LICENSE", 0o644, license}, {p.file(), 0o755, b}}
		base := fmt.Sprintf("tkn-approval_%s_%s_%s", r.number(), p.OS, p.Arch)
		if p.OS == "windows" {
			b, err = zipped(files)
			base += ".zip"
		} else {
			b, err = tarGz(files)
			base += ".tar.gz"
		}
		if err != nil {
			return err
		}
		if err := r.write(base, b); err != nil {
			return err
		}
	}
	return nil
}

// entry is a file of an archive.
type entry struct {
	name string
	mode int64
	data []byte
}

func tarGz(files []entry) ([]byte, error) {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf) // its header has no time and no name
	if err := writeTar(z, files); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func writeTar(to io.Writer, files []entry) error {
	w := tar.NewWriter(to)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: epoch, Format: tar.FormatPAX}); err != nil {
			return err
		}
		if _, err := w.Write(f.data); err != nil {
			return err
		}
	}
	return w.Close()
}

func zipped(files []entry) ([]byte, error) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		h.SetMode(fs.FileMode(f.mode)) //nolint:gosec // ours
		to, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := to.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// filesOf are the files under a folder, in the order of their names.
func filesOf(dir string) ([]entry, error) {
	var files []entry
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files = append(files, entry{filepath.ToSlash(rel), 0o644, b})
		return err
	})
	slices.SortFunc(files, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return files, err
}

func tarOf(dir string) ([]byte, error) {
	files, err := filesOf(dir)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	err = writeTar(&buf, files)
	return buf.Bytes(), err
}

func untar(path, dir string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for t := tar.NewReader(f); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(h.Name) {
			return fmt.Errorf("%s has %q, which leads out of it", path, h.Name)
		}
		to := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		b, err := io.ReadAll(t)
		if err != nil {
			return err
		}
		if err := os.WriteFile(to, b, 0o644); err != nil {
			return err
		}
	}
}
