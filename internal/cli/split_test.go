package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("../../examples/split/pipeline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	refused := strings.Replace(string(example), "      timeout: 24h\n", "      retries: 3\n", 1)
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "pipeline.yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	whole, cannot, parts := file(string(example)), file(refused), filepath.Join(t.TempDir(), "parts.yaml")
	for name, c := range map[string]struct {
		in   string
		args []string
		code int
		out  []string // in what comes out; nothing else does when there is none
		err  []string
	}{
		"a file":            {args: []string{whole}, out: []string{"metadata: {name: release-2}", "kind: Gate"}, err: []string{"Workspace source: bind it to a volume", "These values are forwarded: build-digest"}},
		"what comes in":     {in: string(example), args: []string{"-f", "-"}, out: []string{"kind: TriggerTemplate"}},
		"to a file":         {args: []string{whole, "-o", parts, "--listener", "me"}, err: []string{parts + " has release, release-2\n", "Workspace source: bind it to a volume"}},
		"a listener":        {args: []string{whole, "--listener", "me"}, out: []string{"kind: EventListener", "serviceAccountName: me"}},
		"a workspace":       {args: []string{whole, "--workspace", "source=claim:mine"}, out: []string{"persistentVolumeClaim: {claimName: mine}"}},
		"refused":           {args: []string{cannot}, code: 1, err: []string{cannot + ":30: approval task approval has retries", "nothing was written"}},
		"of a name":         {args: []string{whole, "--pipeline", "other"}, code: 1, err: []string{`:1: there is no Pipeline "other"`}},
		"no file":           {args: nil, code: 1, err: []string{"give a file"}},
		"two files":         {args: []string{whole, cannot}, code: 1, err: []string{"takes one file, but got 2"}},
		"both":              {args: []string{whole, "-f", "-"}, code: 1, err: []string{"give a file"}},
		"not there":         {args: []string{whole + ".gone"}, code: 1, err: []string{"no such file"}},
		"a file twice":      {args: []string{"-f", whole, "-f", cannot}, code: 1, err: []string{"give a file", "give a file"}},
		"a pipeline's name": {args: []string{"release"}, code: 1, err: []string{"no such file", "kubectl get pipeline NAME -o yaml"}},
		"a format":          {args: []string{whole, "-o", "yaml"}, code: 1, err: []string{"-o names the output file, but yaml looks like a format"}},
		"a namespace":       {args: []string{whole, "-n", "shop"}, out: []string{"metadata: {name: release-2, namespace: shop}", "metadata: {name: release-approval, namespace: shop}"}},
		"two namespaces":    {in: strings.Replace(string(example), "{name: release}", "{name: release, namespace: demo}", 1), args: []string{"-f", "-", "-n", "shop"}, code: 1, err: []string{"the namespace is demo here and shop on the command line"}},
		"a part's end":      {args: []string{whole, "--finally", "clean=2"}, code: 1, err: []string{"--finally clean: the pipeline has no such task"}},
		"no part":           {args: []string{whole, "--finally", "clean=last"}, code: 1, err: []string{"--finally clean=last: give the number of the part"}},
		"no pair":           {args: []string{whole, "--finally", "clean"}, code: 1, err: []string{"--finally clean: write NAME=PART"}},
		"said twice":        {args: []string{whole, "--workspace", "source=claim:a", "--workspace", "source=claim:b"}, code: 1, err: []string{"--workspace source is given twice, claim:a and claim:b"}},
		"said again":        {args: []string{whole, "--workspace", "source=claim:a", "--workspace", "source=claim:a"}, out: []string{"claimName: a"}},
		"half a choice":     {args: []string{whole, "--workspace", "source"}, code: 1, err: []string{"--workspace source: write NAME=secret:NAME"}},
		"too much":          {in: strings.Repeat("# \n", 1<<20), args: []string{"-f", "-"}, code: 1, err: []string{"the limit is 1048576"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			code := Run(t.Context(), Options{In: strings.NewReader(c.in), Out: &out, Err: &errs, Now: time.Now}, append([]string{"split"}, c.args...))
			if code != c.code {
				t.Errorf("it ends with %d: %s", code, &errs)
			}
			for _, want := range c.out {
				if !strings.Contains(out.String(), want) {
					t.Errorf("there is no %q in\n%s", want, &out)
				}
			}
			if len(c.out) == 0 && out.Len() > 0 {
				t.Errorf("it wrote\n%s", &out)
			}
			for _, want := range c.err {
				if !strings.Contains(errs.String(), want) {
					t.Errorf("there is no %q in\n%s", want, &errs)
				}
			}
		})
	}
	t.Cleanup(func() {
		if b, err := os.ReadFile(parts); err != nil || !strings.Contains(string(b), "kind: EventListener") {
			t.Errorf("%s: %v\n%s", parts, err, b)
		}
	})
}

// TestSplitKeepsItsInput: whatever path leads to the file that is read, it is not written.
func TestSplitKeepsItsInput(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("../../examples/split/pipeline.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "pipeline.yaml")
	for _, err := range []error{
		os.WriteFile(file, example, 0o600), os.Mkdir(filepath.Join(dir, "sub"), 0o700),
		os.Symlink(file, filepath.Join(dir, "link.yaml")), os.Symlink(dir, filepath.Join(dir, "sub", "up")), os.Link(file, filepath.Join(dir, "same.yaml")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	open := func() *os.File {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	for name, args := range map[string][]string{
		"its own name":            {file, "-o", file},
		"by -f":                   {"-f", file, "-o", file},
		"another path":            {file, "-o", filepath.Join(dir, "sub") + "/../pipeline.yaml"},
		"a symbolic link":         {file, "-o", filepath.Join(dir, "link.yaml")},
		"a link that is read":     {filepath.Join(dir, "link.yaml"), "-o", file},
		"a directory that is one": {file, "-o", filepath.Join(dir, "sub", "up", "pipeline.yaml")},
		"a hard link":             {file, "-o", filepath.Join(dir, "same.yaml")},
		"what comes in":           {"-f", "-", "-o", file},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			code := Run(t.Context(), Options{In: open(), Out: &out, Err: &errs, Now: time.Now}, append([]string{"split"}, args...))
			if code != 1 || !strings.Contains(errs.String(), "is the input file") {
				t.Errorf("it ends with %d: %s", code, &errs)
			}
			if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, example) {
				t.Errorf("the file has changed: %v", err)
			}
		})
	}
}
