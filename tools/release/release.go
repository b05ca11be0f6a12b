package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const module = "github.com/countersign-dev/countersign"

// release is one release and where it is made.
type release struct {
	Version    string
	Root, Out  string
	Repository string
	Key        string
	Builder    string
	Insecure   bool
	Platforms  string
}

var semver = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

func (r *release) check() error {
	if !semver.MatchString(r.Version) {
		return fmt.Errorf("--version is %q: give one such as v0.1.0 or v0.2.0-rc.1", r.Version)
	}
	for _, dir := range []*string{&r.Root, &r.Out} {
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return err
		}
		*dir = abs
	}
	if _, err := os.Stat(filepath.Join(r.Root, "deploy", "kustomization.yaml")); err != nil {
		return fmt.Errorf("%s is not Countersign's source: %w", r.Root, err)
	}
	return nil
}

// number is the version as charts and packages write it.
func (r *release) number() string { return strings.TrimPrefix(r.Version, "v") }

// all makes everything. Nothing of a release before is left in the folder.
func (r *release) all() error {
	if err := r.notesExist(); err != nil {
		return err
	}
	if err := os.RemoveAll(r.Out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.Out, 0o755); err != nil {
		return err
	}
	programs, err := r.programs()
	if err != nil {
		return err
	}
	digest, err := r.images(programs)
	if err != nil {
		return err
	}
	if err := r.manifests(digest); err != nil {
		return err
	}
	if err := r.chart(digest); err != nil {
		return err
	}
	if err := r.archives(programs); err != nil {
		return err
	}
	if err := r.sboms(programs); err != nil {
		return err
	}
	if err := r.notes(); err != nil {
		return err
	}
	if err := r.provenance(digest); err != nil {
		return err
	}
	if err := r.checksums(); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(r.Out, "programs")); err != nil {
		return err
	}
	return r.sign()
}

// program is one that was compiled.
type program struct {
	Name, OS, Arch string
	Path           string
}

func (p program) file() string {
	if p.OS == "windows" {
		return p.Name + ".exe"
	}
	return p.Name
}

// programs compiles the service for Linux and the command line for all.
func (r *release) programs() ([]program, error) {
	var all []program
	for _, arch := range []string{"amd64", "arm64"} {
		all = append(all, program{Name: "countersign", OS: "linux", Arch: arch})
		for _, system := range []string{"linux", "darwin", "windows"} {
			all = append(all, program{Name: "tkn-approval", OS: system, Arch: arch})
		}
	}
	if r.Platforms != "" {
		all = slices.DeleteFunc(all, func(p program) bool { return !slices.Contains(strings.Split(r.Platforms, ","), p.OS+"/"+p.Arch) })
	}
	for i := range all {
		p := &all[i]
		p.Path = filepath.Join(r.Out, "programs", p.OS+"-"+p.Arch, p.file())
		fmt.Println("compiling", p.Name, "for", p.OS, p.Arch)
		cmd := exec.Command("go", "build", "-ldflags=-s -w -buildid= -X "+module+"/internal/version.stamped="+r.Version, "-o", p.Path, "./cmd/"+p.Name)
		cmd.Dir = r.Root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false", "GOOS="+p.OS, "GOARCH="+p.Arch, "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("compile %s for %s/%s: %w\n%s", p.Name, p.OS, p.Arch, err, out)
		}
	}
	return all, nil
}

// checksums is SHA256SUMS of all files that were made, in the order of their names.
func (r *release) checksums() error {
	names, err := r.made()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	for _, name := range names {
		sum, err := sha256File(filepath.Join(r.Out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s  %s\n", sum, name)
	}
	return r.write("SHA256SUMS", text.Bytes())
}

// made are the files of the folder itself.
func (r *release) made() ([]string, error) {
	entries, err := os.ReadDir(r.Out)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && e.Name() != "SHA256SUMS" {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return nil, errors.New("nothing was made")
	}
	return names, nil
}

func sha256File(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

func (r *release) write(name string, b []byte) error {
	return os.WriteFile(filepath.Join(r.Out, name), b, 0o644)
}
