//go:build pages

package pages

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestFilters: a filter of a list is kept by a name in the browser, leads back to the same list, and
// goes; what others may have put there is text. Nothing of it takes more than the page's policy lets.
func TestFilters(t *testing.T) {
	base, ctx := serve(t), chromium(t)
	at := func(want, script string) {
		t.Helper()
		if got := eval[string](t, ctx, script); got != want {
			t.Errorf("%s is %q, want %q", script, got, want)
		}
	}
	const names = `[...document.querySelectorAll(".saved li a")].map((a) => a.textContent + " " + a.getAttribute("href")).join("; ")`
	open := func(path string) {
		t.Helper()
		do(t, ctx, chromedp.Navigate(base+path))
	}
	open("/board.html")
	at("0", `String(document.querySelector(".saved").childElementCount)`) // nothing is chosen, and nothing saved
	open("/board.html?q=&namespace=shop&mine=1&cursor=abc")
	at("mine, shop", `document.getElementById("filter-name").value`)
	eval[chromedp.Void](t, ctx, `(() => { const e = document.getElementById("filter-name"); e.focus(); e.value = "my <b>shop</b>" })()`)
	do(t, ctx, chromedp.KeyEvent(kb.Enter))
	at("my <b>shop</b> /board.html?mine=1&namespace=shop", names)
	at("true", `document.activeElement.getAttribute("aria-current")`)
	open("/board.html")
	at("my <b>shop</b> /board.html?mine=1&namespace=shop", names)
	open("/history.html?person=alice") // another list has its own
	at("", names)
	open("/board.html?mine=1&namespace=shop")
	at("null", `String(document.getElementById("filter-name"))`) // it is saved already
	eval[chromedp.Void](t, ctx, `localStorage.setItem("countersign filters /board.html", JSON.stringify([{ name: 7 }, null, { name: "ok", query: "q=\"><script>" }]))`)
	open("/board.html")
	at("ok /board.html?q=%22%3E%3Cscript%3E", names)
	eval[chromedp.Void](t, ctx, `document.querySelector(".saved li button").click()`)
	at("0", `String(document.querySelector(".saved").childElementCount)`)
	eval[chromedp.Void](t, ctx, `localStorage.setItem("countersign filters /board.html", "{")`)
	open("/board.html?q=x")
	at("x", `document.getElementById("filter-name").value`)
	// A page that updates itself brings the place without what is in it.
	eval[chromedp.Void](t, ctx, `document.querySelector(".saved").outerHTML = '<div class="saved"></div>'`)
	at("x", `document.getElementById("filter-name").value`)
}
