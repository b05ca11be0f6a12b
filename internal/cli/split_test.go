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
		"a file":        {args: []string{whole}, out: []string{"metadata: {name: release-2}", "kind: Gate"}},
		"what comes in": {in: string(example), args: []string{"-f", "-"}, out: []string{"kind: TriggerTemplate"}},
		"to a file":     {args: []string{whole, "-o", parts, "--listener", "me"}, err: []string{parts + " has release, release-2\n", "Workspace source: bind it to a volume"}},
		"a listener":    {args: []string{whole, "--listener", "me"}, out: []string{"kind: EventListener", "serviceAccountName: me"}},
		"a workspace":   {args: []string{whole, "--workspace", "source=claim:mine"}, out: []string{"persistentVolumeClaim: {claimName: mine}"}},
		"refused":       {args: []string{cannot}, code: 1, err: []string{cannot + ":30: approval task approval has retries", "nothing was written"}},
		"of a name":     {args: []string{whole, "--pipeline", "other"}, code: 1, err: []string{`:1: there is no Pipeline "other"`}},
		"no file":       {args: nil, code: 1, err: []string{"say which file"}},
		"two files":     {args: []string{whole, cannot}, code: 1, err: []string{"takes one file, and 2 were given"}},
		"both":          {args: []string{whole, "-f", "-"}, code: 1, err: []string{"say which file"}},
		"not there":     {args: []string{whole + ".gone"}, code: 1, err: []string{"no such file"}},
		"half a choice": {args: []string{whole, "--workspace", "source"}, code: 1, err: []string{"--workspace source: write NAME=secret:NAME"}},
		"too much":      {in: strings.Repeat("# \n", 1<<20), args: []string{"-f", "-"}, code: 1, err: []string{"the most is 1048576"}},
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
