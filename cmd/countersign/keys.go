package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/countersign-dev/countersign/approvals/record"
	"github.com/countersign-dev/countersign/internal/app"
	"github.com/countersign-dev/countersign/internal/config"
)

const keysUsage = `countersign keys: print the public keys that signed the audit log, from its store.

Usage: countersign keys [--config FILE]

Each line has a key's short name, the key itself for verify --key, and the time when it was
made. Save one of them outside of the store: anyone who can write to the store could add
another key there. The service itself shows the keys that it signs with now:

  curl https://approve.example.com/api/v1/record/keys

Flags:
`

// keys is countersign keys.
func keys(args []string) int {
	f := flags("keys", keysUsage)
	path := f.String("config", defaultConfig, "the configuration `file` that names the store")
	if code, done := parse(f, args); done {
		return code
	}
	c, err := config.Load(*path)
	if err != nil {
		return failed(err)
	}
	ctx, stop := interruptible()
	defer stop()
	seen := map[string]bool{}
	err = app.Keys(ctx, c.Record, func(line []byte) error {
		var k record.KeyLine
		if err := json.Unmarshal(line, &k); err != nil {
			return fmt.Errorf("a stored key is not valid: %w", err)
		}
		public, err := record.ParseKey(k.Key)
		if err != nil || seen[k.Key] {
			return err
		}
		seen[k.Key] = true
		_, err = fmt.Fprintf(os.Stdout, "%s %s %s\n", record.KeyID(public), k.Key, k.Made)
		return err
	})
	if err != nil {
		return failed(err)
	}
	return 0
}
