package web_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

var addresses = regexp.MustCompile(`https?://[^\s"'<>]+`)

// TestAddressesInMessages: whatever address a message has, to a person or to a room,
// following it changes nothing, by any method but POST, logged in or not; and the link
// is as good as new for whom it was sent to.
func TestAddressesInMessages(t *testing.T) {
	t.Parallel()
	a := ct.Make("a").Users("alice", "bob").Obj()
	b := newLoginBench(t, base+"/x", a)
	var found []string
	own := ""
	for _, approver := range []string{"alice", ""} {
		d, err := b.ForMail(a, approver, "alice@example.com")
		if err != nil {
			t.Fatal(err)
		}
		m, err := b.Templates.Mail(d)
		if err != nil {
			t.Fatal(err)
		}
		if approver != "" {
			own = d.Link
		}
		found = append(found, d.Link) // of Slack, Teams, GitHub and webhooks, too
		for _, body := range []string{m.Subject, m.Text, html.UnescapeString(m.HTML)} {
			found = append(found, addresses.FindAllString(body, -1)...)
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if len(found) != 2 || !slices.Contains(found, own) || !slices.Contains(found, base+"/x"+page) {
		t.Fatalf("addresses %v, want the page's and alice's own", found)
	}
	before := b.state(t)
	for _, address := range found {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			for _, query := range []string{"", "?vote=approve&uid=uid-a", "?operate=cancel&reason=x"} {
				for _, who := range [][]string{nil, as("alice"), as("root")} {
					w := b.ask(method, u.Path+query, "vote=approve&operate=cancel&reason=x", append(who, "X-HTTP-Method-Override", "POST")...)
					if after := b.state(t); after != before || len(w.Result().Cookies()) != 0 {
						t.Fatalf("%s %s%s as %v: %d, and something was changed", method, u.Path, query, who, w.Code)
					}
				}
			}
		}
	}
	link, _ := url.Parse(own)
	if w := b.post(link.Path, vote("approve", "")); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `role="status"`) {
		t.Errorf("the link was used up by looking: %d", w.Code)
	}
}
