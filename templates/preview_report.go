package templates

import (
	_ "embed" // of texts that programs wrote
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/evidence"
	"github.com/countersign-dev/countersign/approvals/evidence/report"
)

// Texts as terraform, kubectl and helm diff write them.
//
//go:embed previews/plan.txt
var longPlan string

//go:embed previews/plan.json
var planJSON string

//go:embed previews/kubectl.txt
var kubectlDiff string

//go:embed previews/helm.txt
var helmDiff string

// shows puts texts before the approver, each after its name.
func shows(texts ...string) func(*Data) {
	return func(d *Data) {
		d.Shown = nil
		for i := 0; i < len(texts); i += 2 {
			d.Shown = append(d.Shown, approvals.Param{Name: texts[i], Value: texts[i+1]})
		}
	}
}

// evident has evidence: one piece that is shown, one that is too large to be, and one that is
// not there.
func evident(d *Data) {
	t, at := d.Approval.Resolved, d.Action[:strings.IndexByte(d.Action, '?')]+"/evidence/"
	d.Shown, t.Policy.Show, t.Summaries = nil, nil, nil
	plan := evidence.Wanted{Name: "plan", Kind: evidence.Log, Task: "plan", Step: "show"}.Of([]byte(longPlan))
	plan.Summary = report.Summarize(report.Auto, plan.Name, longPlan)
	scan := evidence.Wanted{Name: "scan.sarif", Kind: evidence.Upload, Format: evidence.SARIF}.Of([]byte(sarif))
	scan.Size, scan.Message, scan.Summary = 4<<20, "it is too large to be shown beside the rest: open it by itself", report.Summarize(report.SARIF, scan.Name, sarif)
	cost := evidence.Wanted{Name: "cost", Kind: evidence.Upload, Optional: true}.Without(evidence.Missing, "PipelineRun terraform-plan-x7k2p did not upload it")
	t.Evidence = []evidence.Item{plan, scan, cost}
	d.Evidence = []Evidence{{Item: plan, Text: longPlan, Link: at + "plan"}, {Item: scan, Unread: true, Link: at + "scan.sarif"}, {Item: cost}}
}

// cutPlan has lost some of its middle on the way.
func cutPlan() string {
	from, to := strings.Index(longPlan, "aws_rds_cluster.reports"), strings.Index(longPlan, "aws_subnet.private[\"eu-west-1c\"]\x1b[0m will")
	return longPlan[:from] + longPlan[to:]
}

const junit = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites><testsuite name="shop" tests="3" failures="1">
<testcase classname="cart" name="adds an item" time="0.01"/>
<testcase classname="cart" name="removes the last item" time="0.02"><failure message="got 1 item, want 0">cart_test.go:41: the cart still has &lt;b&gt;1&lt;/b&gt; item</failure></testcase>
<testcase classname="checkout" name="pays by card" time="1.4"><skipped message="the sandbox is closed on Sundays"/></testcase>
</testsuite></testsuites>`

const sarif = `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"scanner","rules":[
{"id":"CVE-2026-1234","shortDescription":{"text":"Remote code execution in libexample"},"properties":{"security-severity":"9.8"}},
{"id":"AVD-AWS-0107","shortDescription":{"text":"A security group allows ingress from anywhere"},"defaultConfiguration":{"level":"warning"}}]}},
"results":[{"ruleId":"CVE-2026-1234","message":{"text":"libexample 1.2.3 is vulnerable: update to 1.2.4"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"go.sum"},"region":{"startLine":212}}}]},
{"ruleId":"AVD-AWS-0107","message":{"text":"0.0.0.0/0 may reach port 443"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"network.tf"},"region":{"startLine":17}}}]}]}]}`

const releaseNotes = `# Release 1.6.0

## What is new

- Checkout is on for everyone
- Greetings in 日本語

## Roll back

+ helm rollback shop 41
`
