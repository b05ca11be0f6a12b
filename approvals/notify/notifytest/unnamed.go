package notifytest

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
)

// unnamed: of part 1 a message has what is forwarded, and nothing else of its params
// and results, among which there may be a password.
func unnamed(t *testing.T, k Kit) {
	const param, result = "hunter2-in-a-param", "hunter2-in-a-result"
	for _, kind := range Kinds {
		var mu sync.Mutex
		all := ""
		s := Serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			all += string(body)
			_, _ = io.WriteString(w, k.Answer)
		})
		m := Message(kind, ct.Make("apply-1").With(func(a *approvals.Approval) {
			a.Source.Params = append(a.Source.Params, approvals.Param{Name: "db-password", Value: param})
			a.Source.Results = append(a.Source.Results, approvals.Param{Name: "token", Value: result})
		}))
		if _, err := k.New(t, s.URL, 5*time.Second).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if all == "" {
			t.Errorf("%s: nothing was sent", kind)
		}
		ct.AssertLeaksNothing(t, "a message", all, param, result)
	}
}
