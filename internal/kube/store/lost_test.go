package store_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/apiserver"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/store"
)

// TestAnswerIsLost: of a write whose answer was lost it is found out whether it was made, and
// it is made once; where that can't be found out, it is said, and not that it was not made.
func TestAnswerIsLost(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	for name, c := range map[string]struct {
		made  bool // the write of which the answer is lost
		late  bool // it is made when the next one comes
		dead  bool // nothing answers afterwards
		other bool // somebody else writes right after it
		all   bool // of every write the answer is lost
		err   error
		code  approvals.Code
		ended int // how often the Desk was told that it has ended, by whichever write
	}{
		"made":                      {made: true, err: io.ErrUnexpectedEOF, ended: 1},
		"made, and timed out":       {made: true, err: apierrors.NewTimeoutError("request timed out", 1), ended: 1},
		"made, and 500":             {made: true, err: apierrors.NewInternalError(errors.New("etcdserver: request timed out")), ended: 1},
		"not made":                  {err: context.DeadlineExceeded, ended: 1},
		"made late":                 {late: true, err: io.EOF, ended: 1},
		"made, and changed since":   {made: true, other: true, err: io.EOF}, // the leader posts it
		"made, and nothing answers": {made: true, dead: true, err: io.EOF, code: approvals.CodeUnavailable},
		"not made, and no answer":   {dead: true, err: io.EOF, code: approvals.CodeUnavailable},
		"never made":                {all: true, err: io.EOF, code: approvals.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ct.Make("a").Obj()
			api := seeded(t, a)
			s := api.Store()
			tries := 0
			var waiting func() error
			s.Client = interceptor.NewClient(api, interceptor.Funcs{SubResourcePatch: func(ctx context.Context, w client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				if tries++; tries > 1 && !c.all {
					if waiting != nil {
						if err := waiting(); err != nil {
							t.Error(err)
						}
						waiting = nil
					}
					return w.SubResource(sub).Patch(ctx, o, p, opts...)
				}
				write := func() error { return w.SubResource(sub).Patch(ctx, o.DeepCopyObject().(client.Object), p, opts...) }
				if c.late {
					waiting = write
				}
				if c.made {
					if err := write(); err != nil {
						t.Error(err)
					}
				}
				if c.other {
					note := func(a approvals.Approval) (approvals.Approval, approvals.Change, error) {
						a.Unreleased = &approvals.Problem{Reason: "RunNotFound", Message: "not yet"}
						return a, approvals.Blocking, nil
					}
					if _, err := api.Store().Update(ctx, a.Key, note); err != nil {
						t.Error(err)
					}
				}
				if c.dead {
					api.Fail(func(string, runtime.Object) error { return errors.New("dial tcp 10.0.0.1:443: i/o timeout") })
				}
				return c.err
			}})
			ended := 0
			desk := approvals.VoteService{
				Store: s, Now: servicetest.At(ct.T0), Outcomes: ct.OutcomeFunc(func(approvals.Approval) { ended++ }), Voted: func(approvals.Approval, approvals.Verdict) {},
				Results: ct.DefaultResults{},
			}
			got, _, err := desk.Vote(t.Context(), a.Key, ct.Ballot("alice", approvals.Approve, "ok"))
			if approvals.CodeOf(err) != c.code || ended != c.ended {
				t.Errorf("%v, ended %d times; want %q, %d", err, ended, c.code, c.ended)
			}
			says := approvals.Message(err)
			if strings.Contains(says, "10.0.0.1") {
				t.Errorf("it says %q", says)
			}
			if c.code != "" {
				said.Check(t, name, says)
			}
			if tries > store.MaxLost {
				t.Errorf("%d writes", tries)
			}
			api.Fail(nil)
			is, gerr := s.Fresh(t.Context(), a.Key)
			if want := c.code == "" || c.made; gerr != nil || is.Decided() != want || want && len(is.Votes) != 1 || err == nil && got.Outcome != approvals.Approved {
				t.Errorf("%s with %d votes, %v", is.Outcome, len(is.Votes), gerr)
			}
		})
	}
	for name, err := range map[string]error{
		"refused": apierrors.NewForbidden(servicetest.ApprovalsResource, "a", errors.New("no")), "throttled": apierrors.NewTooManyRequests("x", 1), "a conflict": servicetest.Conflict(),
		"not there": apierrors.NewNotFound(servicetest.ApprovalsResource, "a"), "not sent": apiserver.ErrUnreachable, "too large": apierrors.NewInternalError(errors.New("etcdserver: request is too large")),
	} {
		if apiserver.IsLost(err) {
			t.Errorf("%s: it is known that nothing was written", name)
		}
	}
}
