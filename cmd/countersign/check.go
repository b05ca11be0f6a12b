package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/countersign-dev/countersign/internal/app"
	"github.com/countersign-dev/countersign/internal/config"
)

const checkUsage = `countersign check: test the connections that the configuration names.

Usage: countersign check [--config FILE]

It reads the configuration as the service does, and connects to the mail server, the login
provider and the store of the audit log. It sends nothing and changes nothing.

  kubectl -n countersign exec deployment/countersign -- countersign check

Flags:
`

// check is countersign check.
func check(args []string) int {
	f := flags("check", checkUsage)
	path := f.String("config", defaultConfig, "the configuration `file`")
	asJSON := f.Bool("json", false, "print a line of JSON for each connection, which tkn approval doctor reads")
	if code, done := parse(f, args); done {
		return code
	}
	c, err := config.Load(*path)
	found := []app.Finding{{Level: "failed", What: fmt.Sprint(err), Remedy: "correct the configuration: docs/reference/configuration.md"}}
	if err == nil {
		ctx, stop := interruptible()
		defer stop()
		found = app.Check(ctx, c)
	}
	code := 0
	for _, f := range found {
		if f.Level == "failed" {
			code = 1
		}
		if *asJSON {
			_ = json.NewEncoder(os.Stdout).Encode(f)
			continue
		}
		fmt.Fprintf(os.Stdout, "%-6s  %s\n", f.Level, f.What)
		if f.Remedy != "" {
			fmt.Fprintf(os.Stdout, "        %s\n", f.Remedy)
		}
	}
	return code
}
