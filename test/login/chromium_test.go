//go:build login

package login

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestInChromium: what only a browser knows, which is its own mind of cookies, of
// the Content-Security-Policy, and of forms that end at another site.
func TestInChromium(t *testing.T) {
	t.Parallel()
	s, _ := world(t)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(time.Minute), chromedp.UserDataDir(t.TempDir()), chromedp.Flag("no-proxy-server", true))...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	do := func(want string, step chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, step); err != nil {
			t.Fatal(err)
		}
		var seen string
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if text, err := chromedp.Run(ctx, chromedp.Text("body")); err == nil {
				if seen = text; strings.Contains(text, want) {
					return
				}
			}
		}
		at, _ := chromedp.Run(ctx, chromedp.Location())
		t.Fatalf("no %q at %s:\n%.1000s", want, at, seen)
	}
	js := func(format string, args ...any) chromedp.Action[chromedp.Void] {
		return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(format, args...))
	}
	login := js(`login.value = "alice@example.com"; document.getElementById("password").value = %q; document.getElementById("submit-login").click()`, password)
	filter := js(`namespace.value = "prod"; document.querySelector(".filter button").click()`)

	do("Log in to Your Account", chromedp.Navigate(s.URL+approval))
	do("Your decision", login)
	do("Your approval is in", js(`document.querySelector("button.approve").click()`))
	do("Waiting for approval", chromedp.Navigate(s.URL+"/"))
	do("You approved", filter)
	s.set(func() { s.later = 2 * time.Hour })
	do("Log in to Your Account", filter)
	s.set(func() { s.later = 0 })
	do("You approved", login)
	do("Sign out?", chromedp.Navigate(s.URL+"/logout"))
	do("You are signed out", js(`document.querySelector("main button").click()`))
	do("Log in to Your Account", chromedp.Navigate(s.URL+"/mine"))
	if v := s.votes(t); len(v) != 1 || v[0].Voter != "alice@example.com" {
		t.Errorf("recorded %+v", v)
	}
}
