//go:build pages

package pages

import (
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// controls marks everything that can be operated and returns its number. What is
// folded away is none.
const controls = `[...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
	.filter((e) => e.checkVisibility()).map((e, i) => { e.dataset.control = i; return e }).length`

// focused is the control that has the focus, and whether that can be seen.
const focused = `(() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
	return [e.dataset.control ?? "none", s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 && r.right > 0 && r.bottom > 0 ? "seen" : "unseen", e.outerHTML.slice(0, 120)].join("\n") })()`

// TestKeyboard: Tab reaches every control, in the order in which they are there, and
// shows where it is; the first leads past the bar.
func TestKeyboard(t *testing.T) {
	base, ctx := serve(t), chromium(t)
	for _, name := range []string{"pending.html", "inputs.html", "quorum-my-vote.html", "operator-stuck.html", "board.html", "history.html", "operations.html", "links.html"} {
		for _, width := range []int64{1280, 390} {
			do(t, ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(base+"/"+name))
			n := eval[int](t, ctx, controls)
			last := -1
			for last < n-1 {
				do(t, ctx, chromedp.KeyEvent(kb.Tab))
				at := strings.SplitN(eval[string](t, ctx, focused), "\n", 3)
				next, err := strconv.Atoi(at[0])
				if err == nil && next == last && strings.Contains(at[2], `type="date"`) {
					continue // a date has several parts, which the browser draws
				}
				if at[1] != "seen" {
					t.Errorf("%s at %d px: no focus is seen on %s", name, width, at[2])
				}
				if err != nil || next != last+1 {
					t.Errorf("%s at %d px: after control %d comes %s", name, width, last, at[2])
					break
				}
				last = next
			}
			if last != n-1 || n < 3 {
				t.Errorf("%s at %d px: Tab reaches %d of %d controls", name, width, last+1, n)
			}
		}
	}
	do(t, ctx, chromedp.Navigate(base+"/pending.html"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	if at := eval[string](t, ctx, `document.activeElement.id`); at != "decide" {
		t.Errorf("the skip link leads to %q", at)
	}
	do(t, ctx, chromedp.KeyEvent(kb.Tab))
	if at := eval[string](t, ctx, `document.activeElement.id`); at != "comment" {
		t.Errorf("then comes %q", at)
	}
}

// TestKeys: single keys lead to what is used most, not where somebody types, and can be
// turned off.
func TestKeys(t *testing.T) {
	base, ctx := serve(t), chromium(t)
	at := func(want, script string) {
		t.Helper()
		if got := eval[string](t, ctx, script); got != want {
			t.Errorf("%s is %q, want %q", script, got, want)
		}
	}
	const active = `document.activeElement.id || document.activeElement.value || document.activeElement.textContent`
	do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(base+"/pending.html"), chromedp.KeyEvent("a"))
	at("approve", active)
	do(t, ctx, chromedp.KeyEvent("r"))
	at("reject", active)
	do(t, ctx, chromedp.KeyEvent("c"), chromedp.KeyEvent("a"))
	at("true", `String(comment.value.endsWith("a"))`) // the browser is told of "c" and of what it types in two events here
	at("comment", active)
	do(t, ctx, chromedp.Navigate(base+"/board.html"), chromedp.KeyEvent("j"), chromedp.KeyEvent("x"), chromedp.KeyEvent("j"))
	at("1", `String(document.querySelectorAll("input[name=on]:checked").length)`)
	at("Review 1 selected", `document.querySelector("#bulk button[type=submit]").textContent`)
	do(t, ctx, chromedp.KeyEvent("/"))
	at("q", active)
	do(t, ctx, chromedp.Navigate(base+"/board.html"), chromedp.KeyEvent("?"))
	at("true", `String(document.querySelector("dialog.keys").open)`)
	eval[chromedp.Void](t, ctx, `document.querySelector("dialog.keys input").click()`)
	do(t, ctx, chromedp.KeyEvent("?"), chromedp.KeyEvent("/"))
	at("off false", `localStorage.getItem("countersign.keys") + " " + (document.activeElement.id === "q")`)
}

// TestTextZoom: with text twice as large nothing runs out of the page at the side, and the
// words of the bar and of buttons stay whole.
func TestTextZoom(t *testing.T) {
	base, ctx := serve(t), chromium(t)
	for _, name := range []string{"pending.html", "board.html", "bulk.html", "history.html", "operations.html", "event.html"} {
		do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(base+"/"+name))
		got := eval[string](t, ctx, `(() => {
			document.documentElement.style.fontSize = "200%";
			const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
			const broken = [...document.querySelectorAll(".nav a, button, .button")].filter((e) => e.checkVisibility() && !e.textContent.trim().includes(" ") &&
				e.getClientRects().length === 1 && e.getBoundingClientRect().height > 3 * parseFloat(getComputedStyle(e).fontSize) + 8 && !e.closest(".buttons"));
			const over = [...document.querySelectorAll("body *")].filter((e) => wide && e.getBoundingClientRect().right > document.documentElement.clientWidth && !e.closest("pre"))
				.map((e) => e.outerHTML.slice(0, 80));
			return wide + " " + over.slice(0, 3).join() + broken.map((e) => e.textContent.trim()).join(",");
		})()`)
		if got != "0 " {
			t.Errorf("%s: %q pixels too wide, and what is broken; want 0 and nothing", name, got)
		}
	}
}

// TestPrint opens what is folded, since paper can't.
func TestPrint(t *testing.T) {
	base, ctx := serve(t), chromium(t)
	do(t, ctx, chromedp.Navigate(base+"/pending.html"))
	folded := `document.querySelectorAll("main details:not([open])").length`
	before := eval[int](t, ctx, folded)
	eval[chromedp.Void](t, ctx, `dispatchEvent(new Event("beforeprint"))`)
	if n := eval[int](t, ctx, folded); before == 0 || n != 0 {
		t.Errorf("%d folds, and %d while it is printed; want some, and none", before, n)
	}
	eval[chromedp.Void](t, ctx, `dispatchEvent(new Event("afterprint"))`)
	if n := eval[int](t, ctx, folded); n != before {
		t.Errorf("%d folds after it was printed, want %d", n, before)
	}
}
