// Command docgen writes the reference pages that follow from the code: a page for each
// kind from its CRD, whose descriptions are the comments of the Go types, the page of the
// command line from its commands, and the page of the API from its OpenAPI document. make
// generate runs it, make verify holds it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/countersign-dev/countersign/approvals/web"
)

func main() {
	if err := run("deploy/crd", "docs/reference"); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(crds, out string) error {
	files, err := filepath.Glob(filepath.Join(crds, "countersign.dev_*.yaml"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s has no CRDs: run this from the root of the repository", crds)
	}
	for _, f := range files {
		b, err := os.ReadFile(f) //nolint:gosec // a file of this repository
		if err != nil {
			return err
		}
		name, page, err := kindPage(b)
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		if err := os.WriteFile(filepath.Join(out, name+".md"), []byte(page), 0o644); err != nil { //nolint:gosec // docs, which everybody may read
			return err
		}
	}
	api, err := apiPage(web.OpenAPI)
	if err != nil {
		return fmt.Errorf("openapi.yaml: %w", err)
	}
	for name, page := range map[string]string{"cli.md": commandPage(), "api.md": api} {
		if err := os.WriteFile(filepath.Join(out, name), []byte(page), 0o644); err != nil { //nolint:gosec // docs, which everybody may read
			return err
		}
	}
	return nil
}
