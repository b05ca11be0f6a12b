package web_test

import (
	"cmp"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// TestClassesAnswerAsEachWould: rights are found out once for all that the same people may decide, and what
// a page lists is what the rules say of each Approval, in order.
func TestClassesAnswerAsEachWould(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	people := []string{"alice", "bob", "carol", "dave"}
	some := func() []string {
		return slices.DeleteFunc(slices.Clone(people), func(string) bool { return r.IntN(2) == 0 })
	}
	var list []approvals.Approval
	for i := range 400 {
		b := ct.Make(fmt.Sprintf("a-%03d", i)).In([]string{"prod", "dev", "test"}[r.IntN(3)]).Users(append(some(), "eve")...).Lifetime(time.Duration(-20+r.IntN(200)) * time.Minute)
		if r.IntN(2) == 0 {
			b.Requester(people[r.IntN(4)])
		}
		b.With(func(a *approvals.Approval) {
			a.Resolved.Policy.Gate, a.Resolved.Policy.RBAC = []string{"production", "staging"}[r.IntN(2)], r.IntN(4) == 0
		})
		if r.IntN(5) == 0 && b.Obj().Deadline().After(ct.T0.Add(time.Hour)) {
			b.Voted("eve", approvals.Approve, "")
		}
		list = append(list, b.Obj())
	}
	b := newLoginBench(t, base, list...)
	link := regexp.MustCompile(`<h3><a href="/approvals/([^"]+)"`)
	for _, who := range []string{"alice", "dave", "mallory"} {
		id := approvals.Identity{Name: who, AuthMethod: approvals.AuthLogin}
		may := func(a approvals.Approval) bool { return approvals.MayVote(a, id) == nil }
		for path, is := range map[string]func(approvals.Approval) bool{
			"/": func(a approvals.Approval) bool { return may(a) || approvals.IsRequester(a, id) },
			"/?gate=staging&namespace=dev": func(a approvals.Approval) bool {
				return a.Namespace == "dev" && a.Resolved.Policy.Gate == "staging" && (may(a) || approvals.IsRequester(a, id))
			},
			"/?mine=1": func(a approvals.Approval) bool { return may(a) && b.Now().Before(a.Deadline()) },
			"/mine":    func(a approvals.Approval) bool { return may(a) && b.Now().Before(a.Deadline()) && a.VoteOf(id) == nil },
		} {
			var want, got []string
			matching := slices.DeleteFunc(slices.Clone(list), func(a approvals.Approval) bool { return a.Decided() || !is(a) })
			slices.SortFunc(matching, func(x, y approvals.Approval) int {
				return cmp.Or(x.Deadline().Compare(y.Deadline()), cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
			})
			for _, a := range matching {
				want = append(want, a.Namespace+"/"+a.Name)
			}
			for at := path; at != ""; {
				w := b.ask(http.MethodGet, at, "", as(who)...)
				if w.Code != http.StatusOK {
					t.Fatalf("%s: %d", at, w.Code)
				}
				for _, m := range link.FindAllStringSubmatch(w.Body.String(), -1) {
					got = append(got, m[1])
				}
				at = ""
				if m := further.FindStringSubmatch(w.Body.String()); m != nil {
					at = html.UnescapeString(m[1])
				}
			}
			if d := gocmp.Diff(want, got); d != "" {
				t.Errorf("%s as %s (-want +got)\n%s", path, who, d)
			}
			if who != "mallory" && len(want) == 0 {
				t.Errorf("%s as %s: nothing is compared", path, who)
			}
		}
	}
}
