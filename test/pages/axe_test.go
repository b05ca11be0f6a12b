//go:build pages

package pages

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// run returns what axe-core finds wrong with a page: rule, what is wrong, and where.
const run = `axe.run(document, {runOnly: ONLY, resultTypes: ["violations"]}).then((r) =>
	r.violations.map((v) => v.id + ": " + v.help + "\n" + v.nodes.slice(0, 4).map((n) => "    " + n.html.slice(0, 200) + "\n      " + n.failureSummary.replaceAll("\n", "\n      ")).join("\n")).join("\n"))`

// TestAccessible: axe-core finds nothing wrong with any page, on a desk and on a
// phone, light and dark. Dark is another set of colours and nothing else, so only they
// are looked at again. A mail is not a page of its own: anyone who shows it has the
// landmarks and headings.
func TestAccessible(t *testing.T) {
	axe, err := os.ReadFile(needed(t, "COUNTERSIGN_AXE"))
	if err != nil {
		t.Fatal(err)
	}
	base, ctx := serve(t), chromium(t)
	all, mails := pages(t)
	look := func(names []string, light, only string) {
		scheme(t, ctx, light)
		for _, width := range []int64{1280, 390} {
			for _, name := range names {
				do(t, ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(base+"/"+name))
				eval[chromedp.Void](t, ctx, `document.querySelectorAll("details").forEach((d) => { d.open = true })`)
				eval[chromedp.Void](t, ctx, string(axe)+";0")
				if found := eval[string](t, ctx, strings.Replace(run, "ONLY", only, 1)); found != "" {
					t.Errorf("%s at %d px, %s:\n%s", name, width, light, found)
				}
				if wide := eval[float64](t, ctx, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
					t.Errorf("%s at %d px: %g px wider than the window", name, width, wide)
				}
			}
		}
	}
	look(all, "light", `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]`)
	look(mails, "light", `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]`)
	look(slices.Concat(all, mails), "dark", `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`)
}

// TestAxeFinds: the test can fail.
func TestAxeFinds(t *testing.T) {
	axe, err := os.ReadFile(needed(t, "COUNTERSIGN_AXE"))
	if err != nil {
		t.Fatal(err)
	}
	base, ctx := serve(t), chromium(t)
	do(t, ctx, chromedp.Navigate(base+"/pending.html"))
	eval[chromedp.Void](t, ctx, `document.querySelectorAll("label[for]").forEach((l) => { l.remove() }); document.querySelector("h1").outerHTML = "<h4>x</h4>"`)
	eval[chromedp.Void](t, ctx, string(axe)+";0")
	found := eval[string](t, ctx, strings.Replace(run, "ONLY", `["wcag2a", "best-practice"]`, 1))
	for _, rule := range []string{"label:", "page-has-heading-one:"} {
		if !strings.Contains(found, rule) {
			t.Errorf("%s was not found: %s", rule, found)
		}
	}
}
