//go:build pages

package pages

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestWrapLines: a long line is wrapped when somebody wants it, on a phone, without scripts.
func TestWrapLines(t *testing.T) {
	base, ctx := serve(t), zoned(t, "UTC", false)
	do(t, ctx, chromedp.EmulateViewport(390, 900), chromedp.Navigate(base+"/plan.html"))
	const wide = `[...document.querySelectorAll(".output pre")].filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1).length`
	if n := eval[int](t, ctx, wide); n == 0 {
		t.Fatal("no line is too long: the test shows nothing")
	}
	eval[chromedp.Void](t, ctx, `document.querySelectorAll(".wraps input").forEach((e) => e.click())`)
	if n := eval[int](t, ctx, wide); n != 0 {
		t.Errorf("%d texts still scroll sideways", n)
	}
	if n := eval[int](t, ctx, `document.querySelectorAll("button.copy").length`); n == 0 {
		t.Error("there is no button to copy")
	}
	if n := eval[int](t, ctx, `[...document.querySelectorAll("button.copy")].filter((e) => e.checkVisibility()).length`); n != 0 {
		t.Errorf("without scripts %d buttons that do nothing", n)
	}
}

// TestCopyShown: what is copied is the text, all parts of it, and nothing around it.
func TestCopyShown(t *testing.T) {
	base, ctx := serve(t), chromium(t)
	do(t, ctx, chromedp.Navigate(base+"/pending.html"))
	eval[chromedp.Void](t, ctx, `Object.defineProperty(navigator, "clipboard", { value: { writeText: async (s) => { window.copied = s; } } })`)
	eval[chromedp.Void](t, ctx, `document.querySelector("button.copy").click()`)
	got := eval[string](t, ctx, `new Promise((done) => setTimeout(() => done(window.copied), 50))`)
	for _, want := range []string{"aws_subnet.a\n", `-/+ resource "aws_subnet" "a" {` + "\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in what was copied:\n%s", want, got)
		}
	}
	if strings.Contains(got, "Wrap lines") || strings.Contains(got, "must be replaced ") {
		t.Errorf("more than the text was copied:\n%s", got)
	}
	if word := eval[string](t, ctx, `document.querySelector("button.copy").textContent`); word != "Copied" {
		t.Errorf("the button then says %q", word)
	}
}

// TestFormat: a value of another format is said once its field is left, and nothing keeps
// anybody from sending it: the service decides.
func TestFormat(t *testing.T) {
	base, ctx := serve(t), chromium(t)
	do(t, ctx, chromedp.Navigate(base+"/inputs.html"))
	typed := func(s string) string {
		t.Helper()
		return eval[string](t, ctx, `(() => { const e = document.getElementById("input-ticket"); e.value = `+"`"+s+"`"+`;
			e.dispatchEvent(new Event("change", { bubbles: true }));
			return e.getAttribute("aria-invalid") + " " + document.getElementById("hint-ticket").classList.contains("bad") })()`)
	}
	for _, c := range [][2]string{{"OPS-12x", "true true"}, {" OPS-12 ", "null false"}, {"ops-12", "true true"}, {"", "null false"}} {
		if got := typed(c[0]); got != c[1] {
			t.Errorf("%q: %s, want %s", c[0], got, c[1])
		}
	}
	if got := eval[bool](t, ctx, `(document.getElementById("input-ticket").dataset.pattern = "(?i)ops", true)`); !got || typed("x") != "null false" {
		t.Error("a pattern that the browser can't read is held against somebody")
	}
	// RE2 reads these in no time, and a browser would be busy for years.
	for _, costly := range []string{"(a+)+", "a*a*a*a*a*a*b"} {
		if got := eval[bool](t, ctx, `(document.getElementById("input-ticket").dataset.pattern = "`+costly+`", true)`); !got || typed(strings.Repeat("a", 60)+"!") != "null false" {
			t.Errorf("%s is tried in the browser", costly)
		}
	}
}

// TestChainWraps: in a chain that wraps each arrow stands behind a step, so that none hangs
// before the first of a line.
func TestChainWraps(t *testing.T) {
	base, ctx := serve(t), chromium(t)
	for _, width := range []int64{1280, 700} {
		do(t, ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(base+"/chain.html"))
		got := eval[string](t, ctx, `(() => {
			const steps = [...document.querySelectorAll(".chain li")];
			const arrow = (e, which) => getComputedStyle(e, which).content.includes("\u2192");
			return [steps.some((e) => arrow(e, "::before")), steps.slice(0, -1).every((e) => arrow(e, "::after")), arrow(steps.at(-1), "::after"),
				document.documentElement.scrollWidth > document.documentElement.clientWidth].join() })()`)
		if got != "false,true,false,false" {
			t.Errorf("at %d px: before, behind, behind the last, too wide: %s", width, got)
		}
	}
}

// TestOneColumn: on a page without a right column the left one has all the room.
func TestOneColumn(t *testing.T) {
	base, ctx := serve(t), chromium(t)
	do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(base+"/blocked.html"))
	got := eval[string](t, ctx, `(() => { const c = document.querySelector(".columns"); return c.clientWidth + " " + Math.max(...[...c.children].map((e) => e.offsetWidth)) })()`)
	if all, most, _ := strings.Cut(got, " "); all != most {
		t.Errorf("of %s px the widest column has %s", all, most)
	}
}
