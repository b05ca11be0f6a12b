package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/countersign-dev/countersign/internal/golden"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		files   map[string]string
		url     string // externalURL, when it is read
		mail    string // smtp.host
		refused bool
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
			files: map[string]string{"config.d/email.yaml": "smtp: {host: mail.example.com, from: a@example.com}\n"}, refused: true,
		},
		"a field twice": {
			files:   map[string]string{"config.yaml": "record: {stdout: false}\n", "config.d/record.yaml": "record: {stdout: true}\n"},
			refused: true,
		},
		"a field that is unknown in a component's": {
			files: map[string]string{"config.yaml": "externalURL: https://a.example.com\n", "config.d/x.yaml": "smpt: {}\n"}, refused: true,
		},
		"another name": {files: map[string]string{"config.yml": "externalURL: https://a.example.com\n"}, refused: true},
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
			if c.refused {
				if err == nil {
					t.Fatal("taken")
				}
				said.Check(t, name, plain(err))
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
