//go:build pages

package pages

import (
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/countersign-dev/countersign/templates"
)

// TestCopy: the button beside a piece of evidence copies all of it, by what the page's policy
// allows, and says so; where that fails it says that it did not.
func TestCopy(t *testing.T) {
	page, err := os.ReadFile(golden + "/evidence.html")
	if err != nil {
		t.Fatal(err)
	}
	const all = "Plan: 1 to add\n<b>all of it</b>\n"
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(templates.Static)))
	mux.HandleFunc("GET /evidence.html", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy+"; connect-src 'self'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	})
	var busy atomic.Bool
	mux.HandleFunc("GET /a/demo/terraform-apply-7k2px4mzq3ta/evidence/plan", func(w http.ResponseWriter, _ *http.Request) {
		if busy.Load() {
			http.Error(w, "much is being read", http.StatusTooManyRequests)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(all))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	ctx := chromium(t)
	for _, c := range []struct {
		busy         bool
		said, copied string
	}{{false, "Copied", all}, {true, "Not copied: open it and copy it there", ""}} {
		busy.Store(c.busy)
		do(t, ctx, chromedp.Navigate(srv.URL+"/evidence.html"))
		if n := eval[int](t, ctx, `[...document.querySelectorAll("button[data-copy]")].filter((b) => b.checkVisibility()).length`); n != 1 {
			t.Fatalf("%d buttons, want one", n)
		}
		// What the browser does with it needs a person's leave, which nobody gives here. The
		// button has its own words again after three seconds, so what it says is noted.
		eval[chromedp.Void](t, ctx, `(() => {
			const b = document.querySelector("button[data-copy]");
			window.copied = window.said = "";
			navigator.clipboard.write = async ([item]) => { window.copied = await (await item.getType("text/plain")).text() };
			new MutationObserver(() => { window.said ||= b.textContent }).observe(b, { childList: true });
			b.click();
		})()`)
		got, until := "", time.Now().Add(10*time.Second)
		for got == "" && time.Now().Before(until) {
			got = eval[string](t, ctx, `window.said`)
		}
		if copied := eval[string](t, ctx, `window.copied`); got != c.said || copied != c.copied {
			t.Errorf("it says %q and copied %q; want %q and %q", got, copied, c.said, c.copied)
		}
	}
}
