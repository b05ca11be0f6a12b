//go:build pages

package pages

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/countersign-dev/countersign/test/wait"
)

const (
	absolute = `document.querySelector(".facts time:not([data-rel])").textContent`
	deadline = `document.querySelector(".facts time[data-rel=down]").textContent`
)

// zoned is a Chromium somewhere on earth.
func zoned(t *testing.T, zone string, scripts bool) context.Context {
	t.Helper()
	ctx := chromium(t)
	if _, err := chromedp.Call(ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts}); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// TestTimes: in the reader's zone with scripts, in UTC without, and the zone is said.
func TestTimes(t *testing.T) {
	base := serve(t)
	for _, c := range []struct {
		zone    string
		scripts bool
		want    string
	}{
		{"Asia/Kolkata", true, "Thu, 5 Nov 2026, 19:21 GMT+5:30"},
		{"America/New_York", true, "Thu, 5 Nov 2026, 08:51 GMT-5"},
		{"Asia/Kolkata", false, "Thu 5 Nov 2026, 13:51 UTC"},
	} {
		ctx := zoned(t, c.zone, c.scripts)
		do(t, ctx, chromedp.Navigate(base+"/pending.html"))
		if got := eval[string](t, ctx, absolute); got != c.want {
			t.Errorf("%s, scripts %t: %q, want %q", c.zone, c.scripts, got, c.want)
		}
		if got := eval[string](t, ctx, deadline); got != "in 23 hours" && got != "in 24 hours" {
			t.Errorf("the deadline is %q", got)
		}
		if got := eval[string](t, ctx, `document.querySelector(".facts time").title`); c.scripts && got != "Thu 5 Nov 2026, 13:51 UTC" {
			t.Errorf("UTC is lost: %q", got)
		}
	}
}

// TestTimesStayRight: a page that stays open goes on telling the time, by the
// service's clock, and what is put into it later is told so too.
func TestTimesStayRight(t *testing.T) {
	base, ctx := serve(t), zoned(t, "Asia/Kolkata", true)
	do(t, ctx, chromedp.Navigate(base+"/pending-short.html"))
	first := eval[string](t, ctx, deadline)
	if !strings.HasPrefix(first, "in 39 min ") && !strings.HasPrefix(first, "in 40 min 00") {
		t.Errorf("the deadline in 40 minutes is told as %q", first)
	}
	wait.Eventually(t, time.Minute, "a tick of the countdown", func() error {
		if eval[string](t, ctx, deadline) == first {
			return fmt.Errorf("it stands at %q", first)
		}
		return nil
	})
	// As live.js does it.
	got := eval[string](t, ctx, `new Promise((done) => {
		document.querySelector(".facts").insertAdjacentHTML("beforeend", '<time id="late" datetime="2026-11-05T12:00:00Z">Thu 5 Nov 2026, 12:00 UTC</time>');
		requestAnimationFrame(() => done(document.getElementById("late").textContent));
	})`)
	if got != "Thu, 5 Nov 2026, 17:30 GMT+5:30" {
		t.Errorf("what came later is told as %q", got)
	}
	// An hour later, as far as the browser is concerned.
	got = eval[string](t, ctx, `(() => { const now = Date.now; Date.now = () => now() + 3600e3; return new Promise((done) => setTimeout(() => done(document.querySelector(".facts time[data-rel=down]").textContent), 1500)) })()`)
	if got != "20 minutes ago" {
		t.Errorf("an hour later the deadline is %q", got)
	}
}
