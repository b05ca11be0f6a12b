package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestSecretsOfPartOne: what part 1 was given and made, and the Trigger does not forward,
// leaves the pages in no mail and no answer of the API; and what is a secret by its name
// is on the pages neither.
func TestSecretsOfPartOne(t *testing.T) {
	t.Parallel()
	const param, result, plain = "hunter2-in-a-param", "hunter2-in-a-result", "internal-host-name"
	for name, a := range map[string]*ct.Builder{"pending": ct.Make("a"), "decided": ct.Make("a").Voted("alice", approvals.Approve, "ok")} {
		a := a.With(func(a *approvals.Approval) {
			a.Source.Params = append(a.Source.Params, approvals.Param{Name: "db-password", Value: param}, approvals.Param{Name: "host", Value: plain})
			a.Source.Results = append(a.Source.Results, approvals.Param{Name: "token", Value: result}, approvals.Param{Name: "plan", Value: "2 to add"})
			a.Resolved.Policy.Show = []string{"plan"}
		}).Obj()
		b := newLoginBench(t, base, a)
		mail, err := b.ForMail(a, "alice", "alice@example.com")
		if err != nil {
			t.Fatal(err)
		}
		room, err := b.ForMail(a, "", "")
		if err != nil {
			t.Fatal(err)
		}
		first, err := b.Templates.Mail(mail)
		if err != nil {
			t.Fatal(err)
		}
		second, err := b.Templates.Mail(room)
		if err != nil {
			t.Fatal(err)
		}
		const api = "/api/v1/namespaces/prod/approvals"
		get := func(path string, headers ...string) string {
			w := b.ask(http.MethodGet, path, "", headers...)
			if w.Code != http.StatusOK {
				t.Fatalf("%s, %s: %d %s", name, path, w.Code, w.Body)
			}
			return w.Body.String()
		}
		for where, text := range map[string]string{
			"the page behind a link":  get(strings.TrimPrefix(mail.Link, base)),
			"the page behind a login": get(page, as("root")...),
			"the mail":                first.Subject + first.Text + first.HTML,
			"the mail to a room":      second.Subject + second.Text + second.HTML,
			"the API":                 get(api+"/a", bearer("root")...),
		} {
			ct.AssertLeaksNothing(t, name+", "+where, text, param, result)
			if !strings.HasPrefix(where, "the page") {
				ct.AssertLeaksNothing(t, name+", "+where, text, plain)
			}
			if !strings.Contains(text, "sha256:abc") { // what is forwarded
				t.Errorf("%s, %s does not show what is forwarded:\n%.2000s", name, where, text)
			}
		}
		for where, text := range map[string]string{
			"the board": get("/", as("root")...), "one's own": get("/mine", as("alice")...), "the API's list": get(api, bearer("root")...),
		} {
			ct.AssertLeaksNothing(t, name+", "+where, text, param, result, plain)
		}
		if text := get(page, as("root")...); !strings.Contains(text, "2 to add") {
			t.Errorf("%s: what the Gate shows is not on the page", name)
		}
	}
}
