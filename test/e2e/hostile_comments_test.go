//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/test/cluster"
)

// What people type reaches part 2 as they meant it, and never as Tekton's syntax.
func TestHostileComments(t *testing.T) {
	e, token, _ := gated(t, "")
	for i, tc := range []struct{ name, comment, want string }{
		{"quotes", `say "yes" and 'go' \ back`, `say "yes" and 'go' \ back`},
		{"newlines", "one\ntwo\r\nthree", "one\ntwo\nthree"},
		{"task result", "$(tasks.a.results.b)", "$ (tasks.a.results.b)"},
		{"uid", "$(uid) $(tt.params.version) $(context.pipelineRun.uid)", "$ (uid) $ (tt.params.version) $ (context.pipelineRun.uid)"},
		{"doubled", "$$(uid)", "$$ (uid)"},
		{"array", `["x"]`, `["x"]`},
		{"Chinese", strings.Repeat("批", 2000), strings.Repeat("批", 2000)},
		{"markup", "<script>alert(1)</script> ${x} `id`", "<script>alert(1)</script> ${x} `id`"},
		{"unicode", "✅ Привет 你好", "✅ Привет 你好"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pr := e.Part1(fmt.Sprintf("part-1-%d", i), "7")
			name := e.ApprovalOf(pr)
			if v := e.Vote(name, token, "approve", tc.comment); v.Status != 201 {
				t.Fatalf("vote: %d %s", v.Status, v.Body)
			}
			e.Confirmed(name)
			if got := cluster.ParamOf(e.RunOf(name), "comment"); got != tc.want {
				t.Errorf("comment in part 2 is %q, want %q", got, tc.want)
			}
		})
	}
	t.Run("100 kB", func(t *testing.T) {
		name := e.ApprovalOf(e.Part1("part-1-large", "7"))
		v := e.Vote(name, token, "approve", strings.Repeat("x", 100_000))
		if v.Status != 400 || v.Error.Code != "invalid" {
			t.Errorf("%d %s", v.Status, v.Body)
		}
		if a := e.Approval(name); a.Status.Outcome != "Pending" || len(a.Status.Votes) != 0 {
			t.Errorf("something was recorded: %+v", a.Status)
		}
	})
}
