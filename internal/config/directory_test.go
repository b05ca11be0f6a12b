package config

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/internal/golden"
)

const minimal = "externalURL: https://approve.example.com\n"

// TestDirectory: whose an address is, by the configuration and by the login provider.
func TestDirectory(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	login := "oidc: {issuer: https://login.example.com, clientID: x, usernamePrefix: \"corp:\"%s}\n"
	for name, c := range map[string]struct {
		yaml          string
		name, address string
		want          bool
	}{
		"nothing said":        {"", "ceo", "ceo@example.com", false},
		"their name":          {"", "ceo@example.com", "CEO@example.com", true},
		"listed":              {"directory: [{names: [ceo], emails: [ceo@example.com], logins: [ceo-gh]}]\n", "ceo", "ceo@example.com", true},
		"another's":           {"directory: [{names: [ceo], emails: [ceo@example.com]}]\n", "ceo", "mallory@example.com", false},
		"verified addresses":  {strings.Replace(login, "%s", "", 1), "corp:ceo@example.com", "ceo@example.com", true},
		"by claim email":      {strings.Replace(login, "%s", ", usernameClaim: email", 1), "corp:ceo@example.com", "ceo@example.com", true},
		"by a claim one sets": {strings.Replace(login, "%s", ", usernameClaim: preferred_username", 1), "corp:ceo@example.com", "ceo@example.com", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf, err := parse([]byte(minimal + c.yaml))
			if err != nil {
				t.Fatal(err)
			}
			if got := conf.Directory.Owns(c.name, c.address); got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
	for name, yaml := range map[string]string{
		"an address of two": "directory: [{names: [ceo], emails: [ceo@example.com]}, {names: [desk], emails: [ceo@example.com]}]\n",
		"no name":           "directory: [{emails: [ceo@example.com]}]\n",
		"a zone":            "directory: [{names: [ceo], timeZone: Mars/Base}]\n",
		"a hostile name":    "directory: [{names: [ceo], displayName: \"a\\u202eb\"}]\n",
		"another field":     "directory: [{name: ceo}]\n",
	} {
		_, err := parse([]byte(minimal + yaml))
		if err == nil {
			t.Fatalf("%s: taken", name)
		}
		said.Check(t, name, err.Error())
	}
}
