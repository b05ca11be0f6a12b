//go:build pages

package pages

import (
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// narrow returns what is wrong with a page on a narrow phone. What scrolls on its own, as output does, may be as wide as it
// likes; a line that ends in an ellipsis is cut on purpose, and what only screen readers say has one pixel.
const narrow = `(() => {
	const wrong = [];
	const shown = (e) => e.checkVisibility() && e.getClientRects().length > 0;
	const say = (what, e) => wrong.push(what + ": " + e.outerHTML.slice(0, 120));
	const wide = document.documentElement.scrollWidth - innerWidth;
	if (wide > 0) wrong.push(wide + " px wider than the window");
	for (const e of document.querySelectorAll("body *")) {
		if (!shown(e) || e.closest("pre, textarea, select, svg, .skip")) continue;
		const s = getComputedStyle(e);
		if (s.display !== "inline" && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1 && s.textOverflow !== "ellipsis" && s.overflowX !== "auto" &&
			![...e.querySelectorAll("*")].some((c) => ["auto", "scroll"].includes(getComputedStyle(c).overflowX)))
			say("its text runs out of it", e);
		if (e.matches("a[href]") && ["rgb(0, 0, 238)", "rgb(158, 158, 255)"].includes(s.color)) say("a link in the browser's colour", e);
	}
	return [...new Set(wrong)].slice(0, 5).join("\n");
})()`

// TestNarrow: on the narrowest phone, in each language, no page is wider than the window and no text runs out of its button,
// badge or card.
func TestNarrow(t *testing.T) {
	base, ctx := serve(t), chromium(t)
	all, mails := pages(t)
	for _, light := range []string{"light", "dark"} {
		scheme(t, ctx, light)
		for _, name := range slices.Concat(all, mails) {
			if light == "dark" && slices.Contains(mails, name) {
				continue // a mail has one set of colours for links
			}
			do(t, ctx, chromedp.EmulateViewport(320, 640), chromedp.Navigate(base+"/"+name))
			if wrong := eval[string](t, ctx, narrow); wrong != "" {
				t.Errorf("%s, %s:\n%s", name, light, wrong)
			}
		}
	}
}

// TestNarrowFinds: the test can fail.
func TestNarrowFinds(t *testing.T) {
	base, ctx := serve(t), chromium(t)
	for want, spoil := range map[string]string{
		"a badge that doesn't wrap":     `(() => { const e = document.createElement("span"); e.textContent = "twelve letters"; e.style.cssText = "display:block;white-space:nowrap;max-width:3rem"; document.querySelector("h1").replaceChildren(e) })()`,
		"a link without a colour":       `document.querySelectorAll("main a[href]").forEach((a) => { a.style.color = "rgb(0, 0, 238)" })`,
		"something wider than a window": `document.querySelector("main").style.width = "50rem"`,
	} {
		do(t, ctx, chromedp.EmulateViewport(320, 640), chromedp.Navigate(base+"/pending.html"))
		if wrong := eval[string](t, ctx, narrow); wrong != "" {
			t.Fatalf("before: %s", wrong)
		}
		eval[chromedp.Void](t, ctx, spoil)
		if eval[string](t, ctx, narrow) == "" {
			t.Errorf("%s was not found", want)
		}
	}
}
