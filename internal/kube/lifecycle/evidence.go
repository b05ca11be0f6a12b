package lifecycle

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
)

// KeepAgain is the first pause after evidence could not be stored, and maxKeepAgain the
// longest: a full quota stays full, as a rule, and a namespace may have thousands of
// Approvals.
const (
	KeepAgain    = 30 * time.Second
	maxKeepAgain = time.Hour
)

// unkept is an Approval whose evidence could not be kept.
type unkept struct {
	uid    string
	wait   time.Duration
	due    time.Time
	reason string
}

// keepEvidence makes a an owner of the evidence that it shows, so that this outlives the run.
// Doing it again changes nothing; that it was done is remembered to save the question. It holds
// up nothing else of a: when it failed, for a quota of the namespace say, again is after how
// long it is to be tried again; else 0.
func (r *Approvals) keepEvidence(ctx context.Context, a approvals.Approval) (again time.Duration) {
	if r.Evidence == nil || a.Resolved == nil || len(a.Resolved.Evidence) == 0 {
		return 0
	}
	key := types.NamespacedName{Namespace: a.Namespace, Name: a.Name}
	var before unkept
	switch known, _ := r.owned.Load(key); known := known.(type) {
	case string:
		if known == a.UID {
			return 0
		}
	case unkept:
		if before = known; before.uid != a.UID {
			before = unkept{}
		}
	}
	now := r.Now()
	if left := before.due.Sub(now); left > 0 {
		return left
	}
	err := r.Evidence.Own(ctx, a)
	if err == nil {
		r.owned.Store(key, a.UID)
		return 0
	}
	next := unkept{uid: a.UID, wait: min(max(2*before.wait, KeepAgain), maxKeepAgain), reason: approvals.Message(err)}
	next.due = now.Add(next.wait)
	r.owned.Store(key, next)
	if next.reason != before.reason {
		r.Log.Warn("evidence is not kept beyond its run yet", "namespace", a.Namespace, "approval", a.Name, "reason", next.reason)
	}
	return next.wait
}
