package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		url   string // externalURL, when it is read
		mail  string // smtp.host
		err   string
	}{
		"none": {url: "http://localhost:8080"},
		"what Kubernetes puts into a volume": {
			files: map[string]string{"..data/x": "", ".hidden": ""}, url: "http://localhost:8080",
		},
		"one":     {files: map[string]string{"config.yaml": "externalURL: https://a.example.com\n"}, url: "https://a.example.com"},
		"no text": {files: map[string]string{"config.yaml": ""}, url: "http://localhost:8080"},
		"with a component's": {
			files: map[string]string{
				"config.yaml":         "externalURL: https://a.example.com\n",
				"config.d/email.yaml": "smtp: {host: mail.example.com, from: a@example.com}\n",
			},
			url: "https://a.example.com", mail: "mail.example.com",
		},
		"a component's alone": {
			files: map[string]string{"config.d/record.yaml": "record: {sqlite: {path: /var/lib/record.db}}\n"}, url: "http://localhost:8080",
		},
		"mail, and nowhere to lead people to": {
			files: map[string]string{"config.d/email.yaml": "smtp: {host: mail.example.com, from: a@example.com}\n"}, err: "externalURL",
		},
		"a field twice": {
			files: map[string]string{"config.yaml": "record: {stdout: false}\n", "config.d/record.yaml": "record: {stdout: true}\n"},
			err:   "record is set in",
		},
		"a field that is unknown in a component's": {
			files: map[string]string{"config.yaml": "externalURL: https://a.example.com\n", "config.d/x.yaml": "smpt: {}\n"}, err: `x.yaml: error unmarshaling JSON: while decoding JSON: json: unknown field "smpt"`,
		},
		"another name": {files: map[string]string{"config.yml": "externalURL: https://a.example.com\n"}, err: "config.yml: does it need the other name?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range c.files {
				path := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Load(filepath.Join(dir, "config.yaml"))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want one that has %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.External.String() != c.url {
				t.Errorf("externalURL %s, want %s", got.External, c.url)
			}
			if mail := ""; got.SMTP != nil {
				if mail = got.SMTP.Host; mail != c.mail {
					t.Errorf("mail by %s, want %s", mail, c.mail)
				}
			} else if c.mail != "" {
				t.Errorf("no mail, want it by %s", c.mail)
			}
		})
	}
}

func TestNoFolder(t *testing.T) {
	t.Parallel()
	if _, err := Load(filepath.Join(t.TempDir(), "misspelt", "config.yaml")); err == nil {
		t.Error("a folder that is not there gives the defaults")
	}
}
