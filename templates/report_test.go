package templates

import (
	"io"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
)

// BenchmarkPlanPage reads and draws the largest plans that are taken: 5 MiB.
func BenchmarkPlanPage(b *testing.B) {
	s := newSet(b)
	for name, text := range map[string]string{"text": largePlan(), "JSON": largeJSON()} {
		d := with(pending(), shows("plan", text))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if err := s.Approval(io.Discard, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// largePlan has the resources of a plan again and again.
func largePlan() string {
	from, to := strings.Index(longPlan, "\x1b[1m # aws_cloudwatch_log_group"), strings.Index(longPlan, "\x1b[1mPlan:")
	if from < 0 {
		from = strings.Index(longPlan, "  # aws_cloudwatch_metric_alarm")
	}
	return longPlan[:from] + strings.Repeat(longPlan[from:to], (report.MaxText-len(longPlan))/(to-from)) + longPlan[to:]
}

func largeJSON() string {
	const changes = `"resource_changes":[`
	from := strings.Index(planJSON, changes) + len(changes)
	to := from + strings.Index(planJSON[from:], `],"output_changes"`)
	one := planJSON[from:to]
	return planJSON[:from] + strings.Repeat(one+",", (report.MaxText-len(planJSON))/(len(one)+1)) + planJSON[from:]
}

// The page of a plan that is too large has the percentage that it shows, and shows parts that destroy
// first.
func TestLargePlan(t *testing.T) {
	for name, text := range map[string]string{"text": largePlan(), "JSON": largeJSON()} {
		o, sum := newOutput(approvals.Param{Name: "plan", Value: text}, report.Auto, newReader(previewNow, English), &room{left: 2 * maxPage})
		if sum.Destroy < 300 || o.Hidden == 0 || o.Percent() > 50 || o.Percent() < 5 {
			t.Errorf("%s: %d to destroy, %d hidden, %d %% shown", name, sum.Destroy, o.Hidden, o.Percent())
		}
		open := 0
		for i, p := range o.Parts {
			if p.Open {
				open++
			}
			if i < maxOpen && (!p.Open || p.Action != "destroy" || p.More > 0) {
				t.Errorf("%s: part %d, %s, is open: %v, %d bytes are not shown", name, i, p.Action, p.Open, p.More)
			}
		}
		if open != maxOpen {
			t.Errorf("%s: %d parts are open", name, open)
		}
	}
	got := page(t, newSet(t), with(pending(), shows("plan", largePlan())))
	if n := strings.Count(got, "% of this plan (plan)."); n != 2 {
		t.Errorf("the page says %d times how much of the plan it has: at the plan, and beside the button", n)
	}
	if len(got) > 3<<20 {
		t.Errorf("the page has %d KiB", len(got)>>10)
	}
}

// A mail has the sum of a plan, and a line for each resource.
func TestMailOfPlan(t *testing.T) {
	m := mail(t, newSet(t), preview(t, "plan"))
	for _, body := range []string{m.Text, m.HTML} {
		for _, words := range []string{"1 import · 9 add · 5 change · 5 destroy (2 replaced)", "destroy  aws_db_instance.reports", "See what changes in each on the page."} {
			if !strings.Contains(strings.Join(strings.Fields(body), " "), strings.Join(strings.Fields(words), " ")) {
				t.Errorf("%q is missing", words)
			}
		}
		if strings.Contains(body, "not shown") || strings.Contains(body, "TUlJQ2ln") {
			t.Error("the mail has more of the plan than it should")
		}
	}
}

// A card shows everything that people decide on. Otherwise it names what it leaves out, and Whole is
// false.
func TestCardOfPlan(t *testing.T) {
	small := "Terraform will perform the following actions:\n\n  # a.b will be destroyed\n  - resource \"a\" \"b\" {\n      - id = \"1\" -> null\n    }\n\nPlan: 0 to add, 0 to change, 1 to destroy.\n"
	for name, c := range map[string]struct {
		data  Data
		whole bool
		has   string
	}{
		"nothing to show": {with(pending(), shows()), true, "Start terraform-apply in demo?"},
		"a small plan":    {with(pending(), shows("plan", small)), true, `      - id = "1" -> null`},
		"a large plan":    {preview(t, "plan"), false, "destroy aws_db_instance.reports"},
		"a plan cut":      {preview(t, "plan-cut"), false, "incomplete"},
		"a long text":     {with(pending(), shows("log", strings.Repeat("a line\n", 1000))), false, "Showing 20 of 1000 lines. See the full text on the page."},
		"more than one":   {with(pending(), shows("helm", helmDiff, "plan", small)), true, "Ingress shop/web-legacy"},
	} {
		card := NewCard(c.data)
		all := strings.Join(append(card.Lines, card.Sum, card.More, card.Confirm), "\n")
		if card.Whole != c.whole || !strings.Contains(all, c.has) || len([]rune(strings.Join(card.Lines, "\n"))) > maxExcerpt {
			t.Errorf("%s: whole %v\n%s", name, card.Whole, all)
		}
	}
	if got := NewCard(with(pending(), shows("plan", small))).Confirm; got != "Start terraform-apply in demo? 1 destroy." {
		t.Errorf("asked: %q", got)
	}
}
