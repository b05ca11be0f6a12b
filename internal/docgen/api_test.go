package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals/web"
)

// TestAPIPage: each heading can be linked to, each request has a line in the list, and nothing is empty.
func TestAPIPage(t *testing.T) {
	t.Parallel()
	page, err := apiPage(web.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for _, h := range regexp.MustCompile("(?m)^#+ (.*)$").FindAllStringSubmatch(page, -1) {
		if a := anchor(h[1]); headings[a] {
			t.Errorf("two headings have the anchor #%s", a)
		} else {
			headings[a] = true
		}
	}
	requests := regexp.MustCompile("(?m)^\\| `((?:GET|POST) [^`]+)` \\| \\[[^]]+\\]\\(#([^)]+)\\) \\|$").FindAllStringSubmatch(page, -1)
	if len(requests) < 30 {
		t.Errorf("found %d requests in the list, so this test looks for the wrong thing", len(requests))
	}
	for _, r := range requests {
		if !headings[r[2]] || !strings.Contains(page, "\n\n`"+r[1]+"`") {
			t.Errorf("%s has no part of its own", r[1])
		}
	}
	for _, wrong := range []string{"<nil>", "| |\n", "$ref", "github.com/countersign-dev/countersign/blob"} {
		if strings.Contains(page, wrong) {
			t.Errorf("the page has %q", wrong)
		}
	}
}
