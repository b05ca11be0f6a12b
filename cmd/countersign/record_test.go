package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/approvals/record/recordtest"
	"github.com/countersign-dev/countersign/internal/app"
	"github.com/countersign-dev/countersign/internal/config"
)

// asCommand makes this test program the command itself.
const asCommand = "COUNTERSIGN_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

// countersign runs the command and gives its output and its exit code.
func countersign(t *testing.T, stdin string, args ...string) (out string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	cmd.Stdin = strings.NewReader(stdin)
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return b.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), 0
}

func TestVerifyAndExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := config.Record{SQLite: filepath.Join(dir, "record.db")}
	l, err := app.OpenRecord(store)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.SignWith(recordtest.NewSigner())
	for n := range 3 {
		if _, err := l.Append(t.Context(), recordtest.Lines(n)); err != nil {
			t.Fatal(err)
		}
	}
	head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "externalURL: https://a.example.com\nrecord: {sqlite: {path: %s}}\n", store.SQLite), 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(dir, "none.yaml")
	if err := os.WriteFile(none, []byte("externalURL: https://a.example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	whole, code := countersign(t, "", "export", "--config", conf)
	if code != 0 || strings.Count(whole, "\n") != 15+3+1 { // entries, heads, a key
		t.Fatalf("%d\n%s", code, whole)
	}
	file := filepath.Join(dir, "history.jsonl")
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(whole, "\n")
	noted, err := record.Parse([]byte(strings.TrimSpace(lines[10])))
	if err != nil {
		t.Fatal(err)
	}
	public := recordtest.PublicKeys(recordtest.NewSigner())[0]
	mine, others := record.FormatKey(public), record.FormatKey(recordtest.PublicKeys(recordtest.NewSigner(7))[0])
	unsigned := ""
	for _, l := range lines {
		if strings.HasPrefix(l, `{"seq":`) {
			unsigned += l
		}
	}
	for name, c := range map[string]struct {
		args  []string
		stdin string
		code  int
		want  string
	}{
		"the store":           {[]string{"verify", "--config", conf}, "", 0, "ok: 15 lines, head " + head.Hash},
		"a file":              {[]string{"verify", "--file", file}, "", 0, "ok: 15 lines, head " + head.Hash},
		"standard input":      {[]string{"verify", "--file", "-"}, whole, 0, "ok: 15 lines"},
		"a noted head":        {[]string{"verify", "--file", "-", "--head", noted.Hash}, whole, 0, "ok"},
		"cut off":             {[]string{"verify", "--file", "-", "--head", head.Hash}, strings.Join(lines[:13], ""), 1, "line 10: the log ends here, and no line has the head that was given"},
		"cut off, within":     {[]string{"verify", "--file", "-"}, strings.Join(lines[:15], ""), 1, "line 15: the log ends with number 12, but the last signed head is that of number 10"},
		"a noted key":         {[]string{"verify", "--config", conf, "--key", mine}, "", 0, "signed by key " + record.KeyID(public) + ": 3 heads, of numbers 5 to 15"},
		"a key of others":     {[]string{"verify", "--config", conf, "--key", others}, "", 1, "which no trusted key vouches for"},
		"both":                {[]string{"verify", "--config", conf, "--key", others, "--key", mine}, "", 0, "ok"},
		"no key":              {[]string{"verify", "--file", file}, "", 0, "only the log itself vouches for key " + record.KeyID(public)},
		"not a key":           {[]string{"verify", "--file", file, "--key", "x"}, "", 2, "it is not a public key"},
		"not signed":          {[]string{"verify", "--file", "-"}, unsigned, 1, "no head of the log is signed"},
		"not signed, taken":   {[]string{"verify", "--file", "-", "--unsigned"}, unsigned, 0, "ok: 15 lines"},
		"keys":                {[]string{"keys", "--config", conf}, "", 0, record.KeyID(public) + " " + mine + " 2026-03-01T09:00:00.000000Z"},
		"keys of no store":    {[]string{"keys", "--config", none}, "", 2, "no audit store"},
		"help of keys":        {[]string{"keys", "--help"}, "", 0, "countersign keys"},
		"changed":             {[]string{"verify", "--file", "-"}, strings.Replace(whole, "approve", "reject", 1), 1, "line 4: its hash does not match its text"},
		"missing":             {[]string{"verify", "--file", "-"}, strings.Join(append(lines[:8:8], lines[9:]...), ""), 1, "line 9: number 8 comes where number 7 should be, which is missing"},
		"logs":                {[]string{"verify", "--logs", "--file", "-"}, `{"time":"x"}` + "\n" + whole + whole, 0, "ok: 30 lines in 2 chains"},
		"logs, without":       {[]string{"verify", "--file", "-"}, `{"time":"x"}` + "\n" + whole, 1, "line 1: it is not an audit log entry"},
		"no such file":        {[]string{"verify", "--file", "/nonexistent"}, "", 2, "no such file"},
		"no configuration":    {[]string{"verify", "--config", "/nonexistent"}, "", 2, "read configuration"},
		"no store":            {[]string{"verify", "--config", none}, "", 2, "no audit store"},
		"an argument":         {[]string{"verify", file}, "", 2, "is not a flag"},
		"help":                {[]string{"verify", "--help"}, "", 0, "exit code 1, the first problem"},
		"help of the service": {[]string{"--help"}, "", 0, "countersign verify [flags]"},
		"a table":             {[]string{"export", "--config", conf, "--format", "csv", "--person", "person-01"}, "", 0, "seq,at,kind"},
		"a filter":            {[]string{"export", "--config", conf, "--kind", "decided", "--from", "2026-03-01T09:02:00Z", "--to", "2026-03-02"}, "", 0, `"approval":"apply-000001"`},
		"another format":      {[]string{"export", "--config", conf, "--format", "xml"}, "", 2, `format is "xml": use jsonl or csv`},
		"another time":        {[]string{"export", "--config", conf, "--from", "soon"}, "", 2, "invalid value"},
		"export of no store":  {[]string{"export", "--config", none}, "", 2, "no audit store"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, code := countersign(t, c.stdin, c.args...)
			if code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, c.code, c.want, out)
			}
		})
	}
}
