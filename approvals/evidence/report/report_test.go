package report

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals/evidence"
)

// preview is a text that pages are drawn of too; the plans were written by terraform.
func preview(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "templates", "previews", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// titles are the parts of a report, in their order, as "action title".
func titles(r Report) (out []string) {
	for _, p := range r.Parts {
		out = append(out, strings.TrimSpace(string(p.Action)+" "+p.Title))
	}
	return out
}

func part(t testing.TB, r Report, title string) *Part {
	t.Helper()
	for i := range r.Parts {
		if r.Parts[i].Title == title {
			return &r.Parts[i]
		}
	}
	t.Fatalf("no part %q in %q", title, titles(r))
	return nil
}

// painted are the lines of a kind, trimmed.
func painted(p *Part, kind string) (out []string) {
	lines, _ := p.Lines(MaxText)
	for _, l := range lines {
		if l.Kind == kind {
			out = append(out, strings.TrimSpace(l.Text))
		}
	}
	return out
}

func TestPlan(t *testing.T) {
	r := Parse(Auto, "plan", preview(t, "plan.txt"))
	want := evidence.Summary{
		Name: "plan", Format: "terraform-plan", Import: 1, Add: 9, Change: 5, Destroy: 5, Replace: 2, Forget: 1, Move: 1, Drift: 2,
	}
	if diff := cmp.Diff(want, r.Summary); diff != "" {
		t.Error(diff)
	}
	if got := r.Summary.Line(); got != "1 import · 9 add · 5 change · 5 destroy (2 replaced) · 1 forget · 1 move · 2 changed outside" {
		t.Error(got)
	}
	if len(r.Warnings) > 0 {
		t.Errorf("warnings: %q", r.Warnings)
	}
	wantTitles := []string{
		"destroy aws_db_instance.reports", "destroy aws_s3_bucket.legacy", `destroy aws_subnet.private["eu-west-1c"]`,
		"replace aws_launch_template.workers", `replace aws_subnet.private["eu-west-1a"]`,
		"change aws_iam_role_policy.ci", "change aws_route_table.private", "change aws_security_group.web", "change aws_vpc.main", "change kubernetes_config_map.app",
		`add aws_cloudwatch_metric_alarm.db["connections"]`, `add aws_cloudwatch_metric_alarm.db["cpu"]`, `add aws_cloudwatch_metric_alarm.db["replica-lag"]`,
		"add aws_rds_cluster.reports", "add aws_rds_cluster_instance.reports[0]", "add aws_rds_cluster_instance.reports[1]", "add kubernetes_manifest.netpol",
		"import aws_s3_bucket.exports", "forget aws_cloudwatch_log_group.audit", "move aws_instance.bastion", "outputs Outputs",
		"drift aws_security_group.web", "drift aws_route53_record.old", "",
	}
	if diff := cmp.Diff(wantTitles, titles(r)); diff != "" {
		t.Error(diff)
	}
	if got := part(t, r, "aws_db_instance.reports").Note; got != "will be destroyed (because aws_db_instance.reports is not in configuration)" {
		t.Error(got)
	}
	if got := part(t, r, "aws_instance.bastion").Note; got != "has moved from aws_instance.bastion_old" {
		t.Error(got)
	}
	rest := r.Parts[len(r.Parts)-1]
	for _, words := range []string{"Refreshing state", "are indicated with the following symbols", "Plan: 1 to import", "Warning: Some objects"} {
		if !strings.Contains(rest.Text, words) {
			t.Errorf("%q is lost", words)
		}
	}
}

// In a text of several lines, what looks like a sign is one only where the text changes.
func TestPlanPaintsNoText(t *testing.T) {
	r := Parse(Plan, "plan", preview(t, "plan.txt"))
	changed := part(t, r, "kubernetes_config_map.app")
	if diff := cmp.Diff([]string{"-   image: registry.example.com/shop/web:1.5.2"}, painted(changed, LineDel)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"+   image: registry.example.com/shop/web:1.6.0", "+   - name: FEATURE_CHECKOUT", `+     value: "on"`}, painted(changed, LineAdd)); diff != "" {
		t.Error(diff)
	}
	created := part(t, r, "kubernetes_manifest.netpol")
	if got := painted(created, LineDel); got != nil {
		t.Errorf("painted as deleted: %q", got)
	}
	for _, l := range painted(created, LineAdd) {
		if !strings.HasPrefix(l, "+ ") {
			t.Errorf("painted as added: %q", l)
		}
	}
	replaced := part(t, r, "aws_launch_template.workers")
	if got := painted(replaced, LineDel); slices.Contains(got, "- not a diff") {
		t.Errorf("an unchanged line of a text is painted: %q", got)
	}
	if got := painted(replaced, LineReplace); len(got) != 1 || !strings.HasPrefix(got[0], "-/+ resource") {
		t.Errorf("replaced: %q", got)
	}
}

func TestPlanJSON(t *testing.T) {
	text := preview(t, "plan.json")
	r := Parse(Auto, "plan", text)
	want := evidence.Summary{
		Name: "plan", Format: "terraform-plan-json", Import: 1, Add: 9, Change: 5, Destroy: 5, Replace: 2, Forget: 1, Move: 1,
	}
	if diff := cmp.Diff(want, r.Summary); diff != "" {
		t.Error(diff)
	}
	var all strings.Builder
	for _, p := range r.Parts {
		lines, more := p.Lines(MaxText)
		if more > 0 {
			t.Errorf("%s is cut", p.Title)
		}
		for _, l := range lines {
			all.WriteString(l.Text + "\n")
		}
	}
	for _, secret := range []string{"correct-horse", "battery-staple"} {
		if !strings.Contains(text, secret) || strings.Contains(all.String(), secret) {
			t.Errorf("%s, which terraform marks as sensitive, is shown", secret)
		}
	}
	for _, words := range []string{"(sensitive value)", `"10.20.0.0/24" -> "10.20.0.0/22"`, "(known after apply)", "unchanged attribute", "more characters)"} {
		if !strings.Contains(all.String(), words) {
			t.Errorf("no %q in\n%s", words, all.String())
		}
	}
	changed := part(t, r, "kubernetes_config_map.app")
	if diff := cmp.Diff([]string{"-   image: registry.example.com/shop/web:1.5.2"}, painted(changed, LineDel)); diff != "" {
		t.Error(diff)
	}
	if got := painted(part(t, r, "kubernetes_manifest.netpol"), LineDel); got != nil {
		t.Errorf("painted as deleted: %q", got)
	}
	if sum := evidence.SumUp([]evidence.Summary{r.Summary, Summarize(Auto, "text", preview(t, "plan.txt"))}); sum.Destroy != 5 {
		t.Errorf("one plan as text and as JSON counts %d to destroy", sum.Destroy)
	}
}

// A plan that was cut says so, and counts what its own sum says.
func TestPlanCut(t *testing.T) {
	text := Strip(preview(t, "plan.txt"))
	for name, c := range map[string]struct {
		text    string
		destroy int
		warning string
	}{
		"without its end":      {text[:9000], 2, "summary line of the plan is missing"},
		"without its middle":   {text[:9000] + text[strings.Index(text, "\nPlan: "):], 5, "5 to destroy, and only 2 of them"},
		"without its start":    {text[strings.Index(text, "  # aws_subnet.private[\"eu-west-1c\"]"):], 5, "5 to destroy, and only 1 of them"},
		"the sum alone":        {"Plan: 0 to add, 0 to change, 3 to destroy.\n", 3, "3 to destroy, and only 0 of them"},
		"with too small a sum": {strings.Replace(text, "5 to destroy", "0 to destroy", 1), 5, "its summary is wrong"},
		"failed":               {strings.Replace(text, "Terraform will perform the following actions:", "Terraform planned the following actions, but then encountered a problem:", 1), 5, "Planning failed"},
	} {
		r := Parse(Auto, "plan", c.text)
		if r.Format != Plan || r.Summary.Destroy != c.destroy {
			t.Errorf("%s: %s, %d to destroy", name, r.Format, r.Summary.Destroy)
		}
		if !strings.Contains(strings.Join(r.Warnings, "\n"), c.warning) {
			t.Errorf("%s: warnings %q", name, r.Warnings)
		}
		if wrong := strings.Contains(c.warning, "wrong"); r.Summary.Incomplete == wrong {
			t.Errorf("%s: incomplete is %v", name, r.Summary.Incomplete)
		}
	}
}

// Terraform since 1.14 invokes actions. A plan does not show what they do, so its readers are warned.
func TestPlanActions(t *testing.T) {
	for name, text := range map[string]string{
		"text":               "Plan: 1 to add, 0 to change, 3 to destroy. Actions: 2 to invoke.\n",
		"text without a dot": "Plan: 1 to add, 0 to change, 3 to destroy. Actions: 2 to invoke\n",
		"JSON": `{"format_version":"1.2","resource_changes":[{"address":"a.a","change":{"actions":["create"]}},` +
			strings.Repeat(`{"address":"a.b","change":{"actions":["delete"]}},`, 2) + `{"address":"a.c","change":{"actions":["delete"]}}],
			"action_invocations":[{"address":"action.x.y","config_values":{"password":"hunter2"},"lifecycle_action_trigger":{"triggering_resource_address":"a.a","action_trigger_event":"AfterCreate"}},
			{"address":"action.x.z","invoke_action_trigger":{}},null]}`,
	} {
		r := Parse(Auto, "plan", text)
		if r.Summary.Add != 1 || r.Summary.Destroy != 3 {
			t.Errorf("%s: %s", name, r.Summary.Line())
		}
		if !strings.Contains(strings.Join(r.Warnings, "\n"), "invokes 2 actions of a provider") {
			t.Errorf("%s: warnings %q", name, r.Warnings)
		}
		if name != "JSON" {
			continue
		}
		if got := r.Parts[len(r.Parts)-1].Text; got != "Actions to be invoked:\n  action.x.y (AfterCreate of a.a)\n  action.x.z" {
			t.Errorf("%q", got)
		}
	}
	if r := Parse(Auto, "plan", "Plan: 1 to add, 0 to change, 3 to destroy.\n"); strings.Contains(strings.Join(r.Warnings, ""), "invokes") {
		t.Errorf("without actions: %q", r.Warnings)
	}
	deferred := Parse(Auto, "plan", `{"format_version":"1.2","deferred_action_invocations":[{}]}`)
	if !deferred.Summary.Incomplete || len(deferred.Warnings) != 1 {
		t.Errorf("an action that is put off: %q", deferred.Warnings)
	}
}

func TestPlanWords(t *testing.T) {
	for line, want := range map[string]Part{
		"  # aws_a.b will be created":                                               {Action: Add, Title: "aws_a.b", Note: "will be created"},
		`  # aws_a.b["x will be created"] will be destroyed`:                        {Action: Destroy, Title: `aws_a.b["x will be created"]`, Note: "will be destroyed"},
		"  # aws_a.b is tainted, so it must be replaced":                            {Action: Replace, Title: "aws_a.b", Note: "is tainted, so it must be replaced"},
		"  # aws_a.b is tainted, so must be replaced":                               {Action: Replace, Title: "aws_a.b", Note: "is tainted, so must be replaced"},
		"  # aws_a.b will be replaced, as requested":                                {Action: Replace, Title: "aws_a.b", Note: "will be replaced, as requested"},
		"  # aws_a.b (deposed object 1a2b3c4d) will be destroyed":                   {Action: Destroy, Title: "aws_a.b (deposed object 1a2b3c4d)", Note: "will be destroyed"},
		"  # data.aws_ami.a will be read during apply":                              {Action: Read, Title: "data.aws_ami.a", Note: "will be read during apply"},
		"  # a.b must be replaced" + notDestroyed:                                   {Action: Replace, Title: "a.b", Note: "must be replaced" + notDestroyed},
		"  # a.b will be removed from the OpenTofu state but will not be destroyed": {Action: Forget, Title: "a.b", Note: "will be removed from the OpenTofu state but will not be destroyed"},
		" # a.b will no longer be managed by Terraform, but will not be destroyed":  {Action: Forget, Title: "a.b", Note: "will no longer be managed by Terraform, but will not be destroyed"},
	} {
		got, ok := heading(line)
		if !ok || got.Action != want.Action || got.Title != want.Title || got.Note != want.Note {
			t.Errorf("%q: %+v", line, got)
		}
	}
	for _, l := range []string{"  # (because a.b is not in configuration)", "   # a.b will be destroyed", "# a.b will be destroyed", "  # a.b", "  #  will be destroyed"} {
		if got, ok := heading(l); ok && got.Title != "" {
			t.Errorf("%q is taken for a heading: %+v", l, got)
		}
	}
}

func TestSecretsInText(t *testing.T) {
	r := Parse(Plan, "plan", `Terraform will perform the following actions:

  # a.b will be created
  + resource "a" "b" {
      + db_password = "hunter2"
      + token_url   = "https://example.com"
      + private_key = <<-EOT
            -----BEGIN-----
            geheim
        EOT
      + name        = "b"
      + config      = {
          + "api-token" = "s3cr3t"
        }
    }

Plan: 1 to add, 0 to change, 0 to destroy.
`)
	lines, _ := part(t, r, "a.b").Lines(MaxText)
	var all []string
	for _, l := range lines {
		all = append(all, l.Text)
	}
	want := []string{
		`  + resource "a" "b" {`, `      + db_password = ` + concealed, `      + token_url   = "https://example.com"`, `      + private_key = ` + concealed,
		`      + name        = "b"`, `      + config      = {`, `          + "api-token" = ` + concealed, `        }`, `    }`,
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

func TestKubectlDiff(t *testing.T) {
	r := Parse(Auto, "diff", preview(t, "kubectl.txt"))
	if diff := cmp.Diff([]string{"destroy ConfigMap shop/legacy.settings", "change Deployment shop/web", "add NetworkPolicy shop/web"}, titles(r)); diff != "" {
		t.Error(diff)
	}
	if got := r.Summary.Line(); got != "1 add · 1 change · 1 destroy" || r.Format != KubectlDiff {
		t.Error(r.Format, got)
	}
	p := part(t, r, "Deployment shop/web")
	want := []string{"-  generation: 41", "-        image: registry.example.com/shop/web:1.5.2", "--- - a line of text that begins with two dashes"}
	if diff := cmp.Diff(want, painted(p, LineDel)); diff != "" {
		t.Error(diff)
	}
	if got := painted(p, LineAdd); len(got) != 5 {
		t.Errorf("added: %q", got)
	}
	cut := Parse(Auto, "diff", preview(t, "kubectl.txt")[:900])
	if !cut.Summary.Incomplete || len(cut.Warnings) != 1 {
		t.Errorf("a diff that was cut says %q", cut.Warnings)
	}
}

func TestHelmDiff(t *testing.T) {
	r := Parse(Auto, "diff", preview(t, "helm.txt"))
	if diff := cmp.Diff([]string{"destroy Ingress shop/web-legacy", "change Deployment shop/web", "change Secret shop/web-session", "add PodDisruptionBudget shop/web"}, titles(r)); diff != "" {
		t.Error(diff)
	}
	if got := r.Summary.Line(); got != "1 add · 2 change · 1 destroy" || r.Format != HelmDiff {
		t.Error(r.Format, got)
	}
	if got := painted(part(t, r, "Deployment shop/web"), LineDel); len(got) != 2 {
		t.Errorf("deleted: %q", got)
	}
}

func TestUnifiedDiff(t *testing.T) {
	r := Parse(Auto, "diff", `From 1234 Mon Sep 17 00:00:00 2001
Subject: a patch

diff --git a/go.mod b/go.mod
index 1..2 100644
--- a/go.mod
+++ b/go.mod
@@ -1,3 +1,3 @@
 module x

-go 1.25
+go 1.26
diff --git a/new.txt b/new.txt
new file mode 100644
--- /dev/null
+++ b/new.txt
@@ -0,0 +1 @@
+hello
\ No newline at end of file
diff --git a/old name.txt b/old name.txt
deleted file mode 100644
--- a/old name.txt
+++ /dev/null
@@ -1 +0,0 @@
-bye
diff --git a/a.png b/a.png
Binary files a/a.png and b/a.png differ
diff --git a/x b/y
similarity index 100%
rename from x
rename to y
`)
	if diff := cmp.Diff([]string{"destroy old name.txt", "change go.mod", "change a.png", "change y", "add new.txt", ""}, titles(r)); diff != "" {
		t.Error(diff)
	}
	if got := r.Summary.Line(); got != "1 new · 3 changed · 1 deleted" || r.Format != Diff {
		t.Error(r.Format, got)
	}
}

func TestJUnit(t *testing.T) {
	r := Parse(Auto, "tests", `<?xml version="1.0"?>
<testsuites><testsuite name="shop" tests="4">
<testcase classname="cart" name="adds"/>
<testcase classname="cart" name="removes"><failure message="got 1, want 0">cart_test.go:12</failure><system-out>said</system-out></testcase>
<testcase classname="pay" name="card"><error>timeout</error></testcase>
<testcase name="slow"><skipped message="not today"/></testcase>
</testsuite></testsuites>`)
	if diff := cmp.Diff([]string{"failed cart removes", "failed pay card", "skipped slow"}, titles(r)); diff != "" {
		t.Error(diff)
	}
	if got := r.Summary.Line(); got != "2 failed · 1 skipped · 1 passed" || r.Format != JUnit {
		t.Error(r.Format, got)
	}
	if got := r.Parts[0].Text; got != "got 1, want 0\ncart_test.go:12\nsaid" {
		t.Errorf("%q", got)
	}
}

func TestSARIF(t *testing.T) {
	r := Parse(Auto, "scan", `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","rules":[
		{"id":"CVE-1","shortDescription":{"text":"bad library"},"properties":{"security-severity":"9.8"}},{"id":"R2","defaultConfiguration":{"level":"note"}}]}},
		"results":[{"ruleId":"R2","message":{"text":"hm"}},{"ruleId":"CVE-1","level":"warning","message":{"text":"upgrade"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"go.mod"},"region":{"startLine":7}}}]},
		{"ruleId":"R3","level":"error","message":{"text":"x"}},{"ruleId":"R3","level":"error","suppressions":[{}],"message":{"text":"y"}},{"ruleId":"R3","kind":"pass","message":{"text":"z"}}]}]}`)
	if diff := cmp.Diff([]string{"found CVE-1: bad library", "found R3", "found R2", "skipped R3"}, titles(r)); diff != "" {
		t.Error(diff)
	}
	if got := r.Summary.Line(); got != "1 skipped · 1 critical · 1 high · 1 low" || r.Format != SARIF {
		t.Error(r.Format, got)
	}
	if p := &r.Parts[0]; p.Note != "critical, go.mod:7" || !p.Alarming() {
		t.Errorf("%+v", p)
	}
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]Format{
		"":                                  Text,
		"- a list\n+ another\n":             Text,
		"# Release notes\n\n- one\n- two\n": Markdown,
		`{"a": 1}`:                          JSON,
		`{"a": 1`:                           Text,
		"<html></html>":                     Text,
		"Plan: lunch at 12\n":               Text,
		"Plan: 1 to add, 0 to change, 0 to destroy.\n":                          Plan,
		"No changes. Your infrastructure matches the configuration.\n":          Plan,
		"--- a\n+++ b\nno hunk\n":                                               Text,
		"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n":                               Diff,
		`{"format_version":"1.2","resource_changes":[]}`:                        PlanJSON,
		`{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","runs":[]}`: SARIF,
		"\x1b[1mPlan:\x1b[0m 1 to add, 0 to change, 0 to destroy.":              Plan,
	} {
		if got := Parse(Auto, "x", text).Format; got != want {
			t.Errorf("%q is taken for %s, and is %s", text, got, want)
		}
	}
	r := Parse(SARIF, "x", "- a list\n")
	if r.Format != Text || len(r.Warnings) != 1 || r.Summary.Line() != "" {
		t.Errorf("a text in another format than was said: %s, %q", r.Format, r.Warnings)
	}
	for text, want := range map[string]string{
		"No changes. Your infrastructure matches the configuration.\n": "no changes",
		`{"version":"2.1.0","runs":[]}`:                                "no findings",
		"<testsuite></testsuite>":                                      "no tests",
	} {
		if got := Summarize(Auto, "x", text).Line(); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestNothingIsLost(t *testing.T) {
	for _, name := range []string{"plan.txt", "kubectl.txt", "helm.txt"} {
		text := Strip(preview(t, name))
		r := Parse(Auto, name, text)
		shown := map[string]int{}
		for _, p := range r.Parts {
			for l := range strings.Lines(p.Text + "\n" + p.Title + "\n" + p.Note) {
				shown[strings.TrimSpace(l)]++
			}
		}
		for l := range strings.Lines(text) {
			l = strings.TrimSpace(l)
			if l == "" || shown[l] > 0 || strings.HasPrefix(l, "# ") || name == "helm.txt" && strings.HasSuffix(l, ":") {
				continue
			}
			if l != "Changes to Outputs:" {
				t.Errorf("%s: %q is in no part", name, l)
			}
		}
	}
}

func TestBounds(t *testing.T) {
	r := Parse(Auto, "plan", strings.Repeat("x", MaxText+1))
	if !r.Summary.Incomplete || len(r.Warnings) != 1 {
		t.Errorf("a text over the limit: %q", r.Warnings)
	}
	r = Parse(Auto, "plan", manyResources(3000))
	if len(r.Parts) != MaxParts || r.Hidden != 3000+1-MaxParts || r.Summary.Add != 3000 {
		t.Errorf("%d parts, %d hidden, %d to add", len(r.Parts), r.Hidden, r.Summary.Add)
	}
	p := Part{Text: strings.Repeat("é", 100)}
	if lines, more := p.Lines(51); more != 150 || lines[0].Text != strings.Repeat("é", 25) {
		t.Errorf("a line is cut within a character: %q, %d", lines[0].Text, more)
	}
}

func manyResources(n int) string {
	var b strings.Builder
	b.WriteString("Terraform will perform the following actions:\n")
	for range n {
		b.WriteString("\n  # aws_a.b will be created\n  + resource \"aws_a\" \"b\" {\n      + id = (known after apply)\n    }\n")
	}
	return b.String()
}
