package report

import (
	"encoding/json"
	"strings"
	"testing"
)

// Texts of 5 MiB, the largest that are read.
func BenchmarkParse(b *testing.B) {
	plan := Strip(preview(b, "plan.txt"))
	from, to := strings.Index(plan, " # aws_cloudwatch_log_group.audit")-1, strings.Index(plan, "\nPlan: ")
	large := plan[:from] + strings.Repeat(plan[from:to], MaxText/(to-from)-1) + plan[to:]
	colours := preview(b, "plan.txt")
	var doc map[string]any
	if err := json.Unmarshal([]byte(preview(b, "plan.json")), &doc); err != nil {
		b.Fatal(err)
	}
	one, _ := json.Marshal(doc["resource_changes"])
	doc["resource_changes"] = []any{}
	rest, _ := json.Marshal(doc)
	inner := strings.Trim(string(one), "[]")
	asJSON := strings.Replace(string(rest), `"resource_changes":[]`, `"resource_changes":[`+strings.Repeat(inner+",", (MaxText-len(rest))/(len(inner)+1)-1)+inner+"]", 1)
	for name, text := range map[string]string{
		"plan": large, "colours": strings.Repeat(colours, MaxText/len(colours)), "json": asJSON,
		"kubectl":  strings.Repeat(preview(b, "kubectl.txt"), MaxText/len(preview(b, "kubectl.txt"))),
		"headings": hostile()["headings"].text, "remarks": hostile()["remarks"].text,
		"text": strings.Repeat("a line of a log\n", MaxText/16),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if r := Parse(Auto, name, text); len(r.Parts) == 0 {
					b.Fatal("nothing")
				}
			}
		})
	}
}
