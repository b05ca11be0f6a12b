package templates

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
)

// preview is the data of one preview.
func preview(t testing.TB, name string) Data {
	t.Helper()
	for _, p := range Previews() {
		if p.Name == name {
			return p.Data
		}
	}
	t.Fatalf("no preview %q", name)
	return Data{}
}

func TestPagesAreSafe(t *testing.T) {
	s := newSet(t)
	for _, p := range Previews() {
		t.Run(p.Name, func(t *testing.T) {
			got := page(t, s, p.Data)
			checkPage(t, got)
			if i := strings.IndexFunc(got, deceptive); i >= 0 {
				t.Errorf("a deceptive character at %q", got[max(0, i-20):i+10])
			}
		})
	}
	checkPage(t, problemPage(t, s))
	checkPage(t, loggedOutPage(t, s))
	lists := map[string]string{}
	for _, p := range ListPreviews() {
		lists[p.Name] = listPage(t, s, p.List)
	}
	for _, p := range HistoryPreviews() {
		lists[p.Name] = historyPage(t, s, p.History)
	}
	for _, p := range OperationsPreviews() {
		lists[p.Name] = operationsPage(t, s, p.Operations)
	}
	for name, got := range lists {
		t.Run(name, func(t *testing.T) {
			for _, e := range checkPage(t, got) {
				if e.name == "form" && e.attrs["method"] != "get" && (!strings.HasPrefix(name, "operations") || !strings.HasPrefix(e.attrs["action"], "/approvals/")) {
					t.Errorf("a list changes something: %v", e.attrs)
				}
			}
			if i := strings.IndexFunc(got, deceptive); i >= 0 {
				t.Errorf("a deceptive character at %q", got[max(0, i-20):i+10])
			}
		})
	}
}

// TestVoteIsDeliberate: there is a form only for who may vote, it has one way in
// per verdict, and nothing in it submits by itself or by Enter.
func TestVoteIsDeliberate(t *testing.T) {
	s := newSet(t)
	for _, p := range Previews() {
		t.Run(p.Name, func(t *testing.T) {
			var forms, buttons, areas []element
			for _, e := range checkPage(t, page(t, s, p.Data)) {
				switch e.name {
				case "form":
					forms = append(forms, e)
				case "button":
					if _, ok := e.attrs["data-copy"]; ok && e.attrs["type"] == "button" && e.attrs["name"] == "" {
						continue // a script copies what it leads to, and sends nothing
					}
					buttons = append(buttons, e)
				case "textarea":
					areas = append(areas, e)
				}
			}
			forms, buttons, areas = votes(t, p.Data, forms, buttons, areas)
			if !p.Data.Decidable {
				if len(forms)+len(buttons)+len(areas) > 0 {
					t.Fatal("a form for somebody who may not vote")
				}
				return
			}
			if len(forms) != 1 || forms[0].attrs["method"] != "post" || forms[0].attrs["action"] != p.Data.Action {
				t.Errorf("forms: %v", forms)
			}
			if p.Data.MyVote != nil { // it can be taken back
				last := buttons[len(buttons)-1]
				if last.attrs["value"] != string(approvals.Withdraw) || last.attrs["name"] != "vote" {
					t.Errorf("button: %v", last)
				}
				buttons = buttons[:len(buttons)-1]
			}
			if p.Data.NoApproval != "" {
				if len(buttons) != 1 || buttons[0].attrs["value"] != string(approvals.Reject) {
					t.Fatalf("who may only reject has buttons %v", buttons)
				}
				return
			}
			if len(buttons) != 2 || buttons[0].attrs["value"] != string(approvals.Approve) || buttons[1].attrs["value"] != string(approvals.Reject) {
				t.Fatalf("buttons: %v", buttons)
			}
			for _, b := range buttons {
				if b.attrs["name"] != "vote" || b.attrs["type"] != "submit" {
					t.Errorf("button: %v", b)
				}
			}
			if buttons[0].attrs["class"] != "approve" || buttons[1].attrs["class"] != "reject" {
				t.Error("the buttons must look different")
			}
			// One line for each input that is not chosen from a list, then the comment.
			fields := areas[:max(0, len(areas)-1)]
			areas = areas[len(fields):]
			for _, f := range fields {
				if !strings.HasPrefix(f.attrs["name"], "input-") || f.attrs["rows"] != "1" {
					t.Errorf("field: %v", f)
				}
			}
			if len(areas) != 1 || areas[0].attrs["name"] != "comment" || areas[0].attrs["maxlength"] != strconv.Itoa(approvals.MaxComment) {
				t.Errorf("textareas: %v", areas)
			}
		})
	}
}

// votes leaves out what operators have, which comes last and posts to the same place.
func votes(t *testing.T, d Data, forms, buttons, areas []element) ([]element, []element, []element) {
	t.Helper()
	operates := func(e element) bool { return e.attrs["name"] == "operate" || e.attrs["name"] == "reason" }
	copies := func(e element) bool {
		return e.attrs["class"] == "copy" && e.attrs["type"] == "button" && e.attrs["name"] == ""
	}
	buttons = slices.DeleteFunc(buttons, copies) // of a text: it sends nothing
	n := 0
	for _, b := range buttons {
		if operates(b) {
			n++
		}
	}
	if n > 0 && !d.Operator || n > len(forms) {
		t.Fatalf("%d forms to operate", n)
	}
	for _, f := range forms {
		if f.attrs["method"] != "post" || f.attrs["action"] != d.Action {
			t.Errorf("form: %v", f)
		}
	}
	forms = forms[:len(forms)-n]
	says := func(e element) bool {
		return e.attrs["class"] == "say" || e.attrs["name"] == "say" || e.attrs["value"] == string(approvals.Remark) || e.attrs["value"] == string(approvals.AskForChanges)
	}
	if d.MayComment != slices.ContainsFunc(areas, says) && !d.Approval.Decided() {
		t.Errorf("a comment without a vote can be written: %t, want %t", !d.MayComment, d.MayComment)
	}
	for _, list := range []*[]element{&forms, &buttons, &areas} {
		*list = slices.DeleteFunc(*list, says)
	}
	return forms, slices.DeleteFunc(buttons, operates), slices.DeleteFunc(areas, operates)
}

func TestDecidableNeedsResolvedAndPending(t *testing.T) {
	for _, name := range []string{"blocked", "opening", "approved-running", "rejected", "expired"} {
		d := preview(t, name)
		d.Decidable = true
		if got := page(t, newSet(t), d); strings.Contains(got, "<form") {
			t.Errorf("%s: a form on something that can't be decided", name)
		}
	}
}

// TestPageShows looks for names, values and parts of the page; its sentences are in
// the golden files.
func TestPageShows(t *testing.T) {
	s := newSet(t)
	for _, c := range []struct {
		preview string
		has     []string
		hasNot  []string
	}{
		{
			"pending",
			[]string{`class="state pending"`, `value="approve"`, `<script src="/static/times.js" data-now="2026-11-05T14:03:00.000Z" defer></script>`, "bob@example.com", "group</span> platform-leads", `title="9f2c1ab04e77d1c0b6e3a5f80d2947c1e6ab35f0d1c98e7264b0a3f15d8e2c47">9f2c1ab04e77<`},
			[]string{"http-equiv", `role="alert"`, `role="status"`, `id="h-whynot"`, `class="chain"`},
		},
		{"pending-short", []string{`class="soon"`, "in 40 minutes"}, []string{"more lines"}},
		{"plan", []string{
			`<li class="destroy">5 destroy (2 replaced)</li>`, `<details class="part destroy" id="part-1" open><summary><span class="act">destroy</span> <b>aws_db_instance.reports</b>`,
			`<details class="part change" id="part-6"><summary>`, `<span class="ln">            - name: log-shipper`, "Everything else in this text",
		}, []string{"battery-staple", `<span class="ln del">            - name`}},
		{"plan-json", []string{`<li class="destroy">5 destroy (2 replaced)</li>`, "(sensitive value)", `<span class="forces"># forces replacement</span>`}, []string{"battery-staple", "correct-horse"}},
		{"plan-cut", []string{"The plan says 5 to destroy, and only 3 of them are in this text", `<li class="partial">incomplete</li>`}, nil},
		{"diffs", []string{"<b>Deployment shop/web</b>", "<b>Ingress shop/web-legacy</b>", `<li class="destroy">2 destroy</li>`}, []string{`<span class="ln del">         - name: GREETING`, `<span class="ln del">          - name: GREETING`}},
		{"tests", []string{`<li class="failed">1 failed</li>`, `<li class="critical">1 critical</li>`, "<b>cart removes the last item</b>"}, nil},
		{"notes", []string{`<span class="ln head"># Release 1.6.0`, `<span class="ln">- Checkout is on`}, []string{`class="ln del"`, `class="ln add"`, `class="chips"`}},
		{"quorum-one-vote", []string{"1 of 2", `<li class="yes">`, "carol@example.com</b>"}, nil},
		{"quorum-my-vote", []string{`class="mine"`, `value="withdraw"`}, nil},
		{"recorded", []string{`role="status"`}, nil},
		{"trouble", []string{`role="alert"`, "Checked with the network team.\nThey are"}, nil},
		{"not-decidable", []string{`id="h-whynot"`}, nil},
		{"opening", []string{`class="state opening"`, `<noscript><meta http-equiv="refresh" content="3"></noscript>`, `<script src="/static/live.js" data-poll="12" defer></script>`}, []string{"<form"}},
		{"blocked", []string{`class="state blocked"`, "GateNotFound", "has no such Gate"}, []string{"http-equiv", "<form"}},
		{"approved-starting", []string{`class="state approved"`, `class="next starting"`, `<noscript><meta http-equiv="refresh" content="3"></noscript>`, `<script src="/static/live.js" defer></script>`, "carol@example.com and bob@example.com"}, nil},
		{"approved-running", []string{`class="next running"`, "<b>terraform-apply-7k2px4mzq3ta</b>", `<noscript><meta http-equiv="refresh" content="10"></noscript>`}, []string{`class="next starting"`}},
		{"run-succeeded", []string{`class="next ended succeeded"`, "terraform-apply succeeded in 42 s", `<li class="ended">`}, []string{"http-equiv", `class="next running"`, `value="rerun"`}},
		{"run-failed", []string{`class="next ended failed"`, "terraform-apply failed after 42 s", ": task apply</b>", "InvalidSubnet.Conflict", `<li class="ended bad">`, "Notified bob@example.com and carol@example.com", "Could not notify alice@example.com"}, []string{"http-equiv", "550 no such user", `value="rerun"`}},
		{"run-failed-operator", []string{`name="operate" value="rerun"`, `name="operate" value="again"`, "550 no such user"}, []string{`value="cancel"`}},
		{"run-again", []string{`class="next starting"`, "Started again on the same decision", "the subnet is free now"}, []string{`class="next ended`}},
		{"run-gone", []string{`class="next ended gone"`, "was deleted before its end was seen"}, []string{"http-equiv"}},
		{"hostile-run", []string{"&lt;script&gt;alert(1)"}, []string{"<script>alert", "\x1b", "\u202e"}},
		{"approved-stuck", []string{`class="next stuck"`, "NameTaken", "elete it or rename it"}, []string{"http-equiv", `class="next starting"`}},
		{"approved-recorded-only", []string{`class="state approved"`, `class="next"`}, []string{"http-equiv", `class="next running"`}},
		{"rejected", []string{`class="state rejected"`, "<b>bob@example.com</b>", "Please plan it for Saturday."}, []string{"Expired"}},
		{"expired", []string{`class="state expired"`}, []string{"eject", "efus", "enied"}}, // nobody turned it down
		{"cancelled", []string{`class="state cancelled"`}, []string{"eject", "Expired"}},
		{"superseded", []string{`class="state superseded"`}, []string{"eject", "Expired"}},
		{"event", []string{"72d3162e-cc78-11e3-81ab-4c9367dc0958", "&#34;ref&#34;: &#34;refs/heads/main&#34;", "A push to main"}, nil},
		{"logged-in", []string{`href="/mine"`, `href="/logout"`, "bob@example.com", `action="/approvals/demo/terraform-apply-7k2px4mzq3ta?uid=5f0c7a52-4f0e-4a44-9a35-0d3a6c1c3c11"`}, []string{`name="operate"`}},
		{"live", []string{`<noscript><meta http-equiv="refresh"`, `<script src="/static/live.js" data-events="/events?name=terraform-apply-7k2px4mzq3ta&amp;namespace=demo" defer></script>`}, nil},
		{"chain", []string{`<a href="/approvals/demo/plan-3kx92mzq71ab">terraform-plan</a>`, `aria-current="step"`, `<li class="run running"`, `<a href="/approvals/demo/announce-88zk2mzq71ab">announce</a>`}, nil},
		{"chain-pending", []string{`<li class="run ended"`, `<li class="run waiting"`}, nil},
		{"chain-event", []string{`<li class="event "`, `<li class="run none"`}, nil},
		{"hostile", []string{"&lt;script&gt;alert(1)", "access_level = [U&#43;202E]resu[U&#43;2066]", "[U&#43;0000]NUL"}, []string{"<script>", "<img", "evil.example", `href="javascript`}},
		{
			"links",
			[]string{
				`href="https://tekton.example.com/#/namespaces/demo/pipelineruns/terraform-plan-x7k2p" rel="noopener noreferrer">terraform-plan-x7k2p<`,
				`href="https://tekton.example.com/#/namespaces/demo/pipelineruns/terraform-apply-7k2px4mzq3ta"`,
				`href="https://git.example.com/platform/network" rel="noopener noreferrer">git.example.com/platform/network<`,
				`href="https://git.example.com/platform/network/commit/8d1f0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410" rel="noopener noreferrer">8d1f0c6e2b7a<`,
			},
			nil,
		},
		{"links-event", []string{`href="https://git.example.com/platform/network/commit/8d1f0c6e2b7a4493bd0f8a1c55e9d7b6a2f3c410"`}, nil},
		{"operator", []string{`name="operate" value="retry"`, `name="operate" value="cancel"`}, nil},
		{"operator-stuck", []string{`name="operate" value="retry"`, `name="operate" value="cancel"`}, nil},
		{"cancelled-by", []string{"<b>olga@example.com</b>", "The subnet is needed until Friday."}, []string{`name="operate"`}},
		{"stopped", []string{"<b>carol@example.com and bob@example.com</b>", "<b>olga@example.com</b>", "The subnet is needed"}, []string{`class="next stuck"`}},
	} {
		t.Run(c.preview, func(t *testing.T) {
			got := page(t, s, preview(t, c.preview))
			for _, x := range c.has {
				if !strings.Contains(got, x) {
					t.Errorf("%q is missing", x)
				}
			}
			for _, x := range c.hasNot {
				if strings.Contains(got, x) {
					t.Errorf("%q must not be there", x)
				}
			}
		})
	}
}

// TestRefreshEnds: a page that somebody forgot to close does not ask for ever.
func TestRefreshEnds(t *testing.T) {
	d := preview(t, "approved-starting")
	d.Now = d.Approval.DecidedAt.Add(refreshFor)
	if got := page(t, newSet(t), d); strings.Contains(got, "http-equiv") || !strings.Contains(got, `class="next starting"`) {
		t.Error("still reloading")
	}
}

func TestPageIsBounded(t *testing.T) {
	d := preview(t, "hostile")
	huge := strings.Repeat("<\x1b[31m&\x1b[0m\"\n", 1<<17)
	var many []approvals.Param
	for range 1000 {
		many = append(many, approvals.Param{Name: huge, Value: huge})
	}
	d.Approval.Resolved.Params, d.Approval.Source.Results, d.Approval.Source.Params = many, many, many
	d.Approval.Source.Event = &approvals.Event{ID: huge, URL: huge, Body: huge, Digest: huge}
	d.Shown = many[:8]
	d.Notice, d.Trouble, d.WhyNot, d.Comment = huge, huge, huge, huge
	d.Approval.Trigger, d.Approval.Resolved.Requester = huge, huge
	s := newSet(t)
	if got := page(t, s, d); len(got) > 6<<20 {
		t.Errorf("the page has %d bytes", len(got))
	}
	m := mail(t, s, d)
	if len(m.HTML) > 400<<10 || len(m.Text) > 100<<10 {
		t.Errorf("the mail has %d bytes of HTML and %d of text", len(m.HTML), len(m.Text))
	}
	if err := s.Problem(io.Discard, Problem{Title: huge, Message: huge}); err != nil {
		t.Error(err)
	}
}

func TestBase(t *testing.T) {
	d := preview(t, "pending")
	d.Base = "/approvals"
	if got := page(t, newSet(t), d); !strings.Contains(got, `href="/approvals/static/countersign.css"`) {
		t.Error("the style sheet is not under Base")
	}
}
