//go:build browser

package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/countersign-dev/countersign/test/cluster"
)

// js runs a script on the page as the page's own.
func js(script string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](script)
}

// linkOf waits for the mail of one person and returns the page behind its link.
func linkOf(t *testing.T, e *cluster.Env, address string) string {
	t.Helper()
	page := ""
	e.Eventually(time.Minute, "the mail to "+address, func() error {
		m := box.To(address)
		if len(m) == 0 {
			return fmt.Errorf("none yet")
		}
		u, err := url.Parse(m[0].Link())
		if err == nil {
			page = e.URL + u.Path
		}
		return err
	})
	return page
}

// Two people press at the same moment, one yes and one no: one of them is first, the
// other is told by whom and when, and what runs is what the first one said.
func TestTwoPeopleAtOnce(t *testing.T) {
	e := cluster.New(t)
	alice, bob := "alice-"+e.NS+"@example.com", "bob-"+e.NS+"@example.com"
	e.Apply(strings.Replace(cluster.Gate("gate", alice, ""), "users: [", `users: [{name: "`+bob+`"}, `, 1))
	e.Apply(cluster.Gated("deploy", "gate", ""))
	e.ListenerURL("deploy")
	e.Part1("part-1", "v7")
	name := e.OneApproval().Name
	people := map[string]string{alice: "approve", bob: "reject"}
	pages := map[string]context.Context{}
	for who := range people {
		pages[who] = browser(t, true)
		do(t, pages[who], chromedp.EmulateViewport(1280, 900), chromedp.Navigate(linkOf(t, e, who)), chromedp.WaitVisible(`button[value=approve]`))
	}
	var wg sync.WaitGroup
	for who, verdict := range people {
		wg.Go(func() { _ = chromedp.Do(pages[who], js(`document.querySelector("button[value=`+verdict+`]").click()`)) })
	}
	wg.Wait()
	a := e.Approval(name)
	e.Eventually(time.Minute, "a decision", func() error {
		if a = e.Approval(name); a.Status.Outcome == "Pending" {
			return fmt.Errorf("still pending")
		}
		return nil
	})
	if len(a.Status.Votes) != 1 {
		t.Fatalf("votes %+v", a.Status.Votes)
	}
	first := a.Status.Votes[0].Voter
	outcome := map[string]string{"approve": "Approved", "reject": "Rejected"}[people[first]]
	if string(a.Status.Outcome) != outcome {
		t.Errorf("%s was first with %s, and it is %s", first, people[first], a.Status.Outcome)
	}
	for who, ctx := range pages {
		want := regexp.MustCompile(outcome)
		if who != first {
			want = regexp.MustCompile(regexp.QuoteMeta(first))
		}
		e.Eventually(time.Minute, "the answer to "+who, func() error {
			if s := text(t, ctx); !want.MatchString(s) {
				return fmt.Errorf("the page says:\n%s", s)
			}
			return nil
		})
	}
	e.Eventually(time.Minute, "what follows", func() error {
		runs := len(e.Runs("deploy"))
		if outcome == "Approved" && runs == 1 || outcome == "Rejected" && runs == 0 {
			return nil
		}
		return fmt.Errorf("%s, and %d runs", outcome, runs)
	})
}

// A mail scanner follows every link by every safe method, prefetches, and opens the
// page in a browser whose scripts run, scrolls, hovers and waits: nothing changes.
func TestScannerDecidesNothing(t *testing.T) {
	e, name, page := mailed(t)
	before := e.Approval(name)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		for _, purpose := range []string{"", "prefetch"} {
			req, err := http.NewRequestWithContext(t.Context(), method, page, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Sec-Purpose", purpose)
			resp, err := e.HTTP.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
	}
	ctx := browser(t, true)
	do(t, ctx, chromedp.Navigate(page), chromedp.WaitVisible(`button[value=approve]`),
		js(`scrollTo(0, document.body.scrollHeight)`),
		js(`for (const x of document.querySelectorAll("a,button,input,textarea,summary")) for (const e of ["mouseover","mouseenter","focus","touchstart"]) x.dispatchEvent(new Event(e, {bubbles: true}))`),
		js(`for (const x of document.querySelectorAll("a[href]")) fetch(x.href).catch(() => {})`),
		js(`for (const x of ["load","DOMContentLoaded","visibilitychange","beforeunload"]) dispatchEvent(new Event(x))`))
	unchanged := func() error {
		if after := e.Approval(name); after.ResourceVersion != before.ResourceVersion || after.Status.Outcome != "Pending" {
			return fmt.Errorf("version %s is %s now: %+v", before.ResourceVersion, after.ResourceVersion, after.Status)
		}
		return nil
	}
	e.Consistently(3*time.Second, "the Approval, with its page open", unchanged)
	do(t, ctx, chromedp.Navigate("about:blank"))
	if err := unchanged(); err != nil {
		t.Fatal(err)
	}
	// The link was not used up by it.
	do(t, ctx, chromedp.Navigate(page), chromedp.Click(`button[value=approve]`))
	look(t, ctx, chromedp.WaitVisible(`[role=status]`))
	if a := e.Approval(name); a.Status.Outcome != "Approved" {
		t.Errorf("%+v", a.Status)
	}
}

// What a login redirect on the way leaves of a form is an empty POST, or a GET: it is
// never taken for a rejection.
func TestEmptyPostIsNoRejection(t *testing.T) {
	e, name, page := mailed(t)
	ctx := browser(t, true)
	do(t, ctx, chromedp.Navigate(page), chromedp.WaitVisible(`button[value=reject]`),
		js(`const f = document.createElement("form"); f.method = "post"; f.action = location.pathname; document.body.append(f); f.submit()`))
	look(t, ctx, chromedp.WaitVisible(`[role=alert]`))
	if s := text(t, ctx); !strings.Contains(s, "Approve") {
		t.Errorf("the page says:\n%s", s)
	}
	if a := e.Approval(name); a.Status.Outcome != "Pending" || len(a.Status.Votes) != 0 {
		t.Errorf("%+v", a.Status)
	}
}
