package approvals_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

func TestDefaultResults(t *testing.T) {
	t.Parallel()
	two := func() *ct.Builder { return ct.Make("a").Users("alice", "bob").Quorum(2) }
	for name, c := range map[string]struct {
		a    approvals.Approval
		want [4]string // decision, comment, approvedBy, rejectedBy
	}{
		"approved":        {ct.Make("a").Voted("alice", approve, "ok").Obj(), [4]string{"true", "ok", "alice", ""}},
		"two people":      {two().Voted("alice", approve, "ok").Voted("bob", approve, "fine").Obj(), [4]string{"true", "ok|fine", "alice|bob", ""}},
		"one was silent":  {two().Voted("alice", approve, "").Voted("bob", approve, "fine").Obj(), [4]string{"true", "fine", "alice|bob", ""}},
		"rejected":        {two().Voted("alice", approve, "ok").Voted("bob", reject, "no").Obj(), [4]string{"false", "ok|no", "alice", "bob"}},
		"expired":         {two().Voted("alice", approve, "ok").Expired().Obj(), [4]string{"false", "ok", "alice", ""}},
		"expired, silent": {ct.Make("a").Expired().Obj(), [4]string{"false", "", "", ""}},
		"neutral":         {ct.Make("a").Voted("alice", approve, "$(uid)").Obj(), [4]string{"true", "$ (uid)", "alice", ""}},
		"no array":        {ct.Make("a").Voted("alice", approve, `["x"]`).Obj(), [4]string{"true", `["x"]`, "alice", ""}},
		"joined to $(":    {two().Voted("alice", approve, "a$").Voted("bob", approve, "(b)").Obj(), [4]string{"true", "a$|(b)", "alice|bob", ""}},
		"a hostile name":  {ct.Make("a").Users("$(uid)").Voted("$(uid)", approve, "").Obj(), [4]string{"true", "", "$ (uid)", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := []approvals.Param{
				{Name: "decision", Value: c.want[0]},
				{Name: "comment", Value: c.want[1]},
				{Name: "approvedBy", Value: c.want[2]},
				{Name: "rejectedBy", Value: c.want[3]},
			}
			if d := cmp.Diff(want, approvals.DefaultResults(c.a)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}
