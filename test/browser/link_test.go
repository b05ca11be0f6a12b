//go:build browser

// Package browser drives the approval page in a real Chromium, from the link in a
// real mail, on the real cluster. It runs inside the cluster's network.
package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/countersign-dev/countersign/test/cluster"
)

var box *cluster.Mailbox

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	var err error
	if box, err = cluster.Main(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// browser is a Chromium of the test's own, without a window.
func browser(t *testing.T, javascript bool) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(2*time.Minute), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("ignore-certificate-errors", true)) // the login provider's is the test's own
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	do(t, ctx, chromedp.Navigate("about:blank"))
	ctx, cancel = context.WithTimeout(ctx, 6*time.Minute)
	t.Cleanup(cancel)
	if !javascript {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	return ctx
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// look reads something off the page. A page that loads itself again may go away
// between finding a node and reading it: then it looks again.
func look[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		v, err := chromedp.Run(ctx, action)
		if err == nil {
			return v
		}
		if ctx.Err() != nil || time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// text returns what a person reads on the page.
func text(t *testing.T, ctx context.Context) string {
	t.Helper()
	return look(t, ctx, chromedp.Text("body"))
}

// mailed opens an Approval and returns the page behind alice's mailed link.
func mailed(t *testing.T) (e *cluster.Env, name, page string) {
	t.Helper()
	e = cluster.New(t)
	alice := "alice-" + e.NS + "@example.com"
	e.Apply(cluster.Gate("gate", alice, ""))
	e.Apply(cluster.Gated("deploy", "gate", ""))
	e.ListenerURL("deploy")
	e.Part1("part-1", "v7-<b>bold</b>")
	name = e.OneApproval().Name
	e.Eventually(time.Minute, "the mail", func() error {
		m := box.To(alice)
		if len(m) == 0 {
			return fmt.Errorf("none yet")
		}
		u, err := url.Parse(m[0].Link())
		if err != nil {
			return err
		}
		page = e.URL + u.Path
		// The mail's record comes after the mail, and after that nothing is written.
		for _, n := range e.Approval(name).Status.Notifications {
			if n.Recipient == alice && n.SentAt != nil {
				return nil
			}
		}
		return fmt.Errorf("the mail is not recorded yet")
	})
	return e, name, page
}

// shows is an error while the page has no element of that CSS selector.
func shows(t *testing.T, ctx context.Context, selector string) error {
	t.Helper()
	there, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf("document.querySelector(%q) !== null", selector)))
	if err == nil && !there {
		err = fmt.Errorf("there is no %s; it says:\n%s", selector, text(t, ctx))
	}
	return err
}

// screenshot keeps a picture where SCREENSHOTS says, if it says.
func screenshot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	png := look(t, ctx, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}

// From the mail's link to part 2 on a phone, with and without JavaScript.
func TestApproveOnAPhone(t *testing.T) {
	for _, javascript := range []bool{true, false} {
		t.Run(fmt.Sprintf("javascript=%v", javascript), func(t *testing.T) {
			e, name, page := mailed(t)
			ctx := browser(t, javascript)
			do(t, ctx,
				chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch),
				chromedp.Navigate(page),
				chromedp.WaitVisible(`button[value=approve]`))
			before := text(t, ctx)
			screenshot(t, ctx, fmt.Sprintf("phone-pending-js-%v", javascript))
			if !strings.Contains(before, "v7-<b>bold</b>") {
				t.Errorf("the forwarded param is not on the page as it is:\n%s", before)
			}
			if a := e.Approval(name); a.Status.Outcome != "Pending" || len(a.Status.Votes) != 0 {
				t.Fatalf("looking at the page changed it: %+v", a.Status)
			}
			do(t, ctx,
				chromedp.SendKeys(`textarea[name=comment]`, "from my phone"),
				chromedp.Click(`button[value=approve]`))
			look(t, ctx, chromedp.WaitVisible(`[role=status]`))
			after := text(t, ctx)
			screenshot(t, ctx, fmt.Sprintf("phone-approved-js-%v", javascript))
			if !strings.Contains(after, "Approved") {
				t.Errorf("after the vote the page says:\n%s", after)
			}
			e.Eventually(time.Minute, "the release", func() error {
				if a := e.Approval(name); a.Status.SecondRun == nil {
					return fmt.Errorf("%+v", a.Status)
				}
				return nil
			})
			if v := e.Approval(name).Status.Votes; len(v) != 1 || v[0].Comment != "from my phone" || v[0].AuthMethod != "Link" {
				t.Errorf("votes: %+v", v)
			}
			// The page comes to show the run by itself, without a script.
			e.Eventually(time.Minute, "the run on the page", func() error {
				return shows(t, ctx, ".next.running")
			})
			screenshot(t, ctx, fmt.Sprintf("phone-running-js-%v", javascript))
		})
	}
}

// A stale page: decided elsewhere meanwhile. It says by whom, and nothing changes.
func TestStalePage(t *testing.T) {
	e, name, page := mailed(t)
	one, two := browser(t, true), browser(t, true)
	for _, ctx := range []context.Context{one, two} {
		do(t, ctx, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(page), chromedp.WaitVisible(`button[value=reject]`))
	}
	screenshot(t, one, "desktop-pending")
	do(t, one, chromedp.Click(`button[value=reject]`))
	look(t, one, chromedp.WaitVisible(`[role=status]`))
	screenshot(t, one, "desktop-rejected")
	do(t, two, chromedp.Click(`button[value=approve]`))
	look(t, two, chromedp.WaitVisible(`[role=alert]`))
	stale := text(t, two)
	screenshot(t, two, "desktop-stale")
	if !strings.Contains(stale, "alice-") {
		t.Errorf("the stale page says:\n%s", stale)
	}
	if a := e.Approval(name); a.Status.Outcome != "Rejected" || len(a.Status.Votes) != 1 {
		t.Errorf("%+v", a.Status)
	}
}
