package convert

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

// MaxMessage is the API server's bound for a condition's message, in bytes.
const MaxMessage = 32 << 10

// The reasons of Startable that say nothing of what would start: that is not known yet,
// or does not matter any more.
const (
	notResolved = "NotResolved"
	started     = "Started"
)

// ConditionsOf are a's conditions. Ready is there from the first status write on, which
// is made for everybody; Startable once that was looked at, until it does not matter any
// more; Notified once somebody was to be told; Released once there was something to
// release.
func ConditionsOf(a approvals.Approval, before []metav1.Condition, generation int64, now time.Time) []metav1.Condition {
	out := append([]metav1.Condition(nil), before...)
	set := func(kind string, status metav1.ConditionStatus, reason, message string) {
		meta.SetStatusCondition(&out, metav1.Condition{
			Type: kind, Status: status, Reason: reason, Message: approvals.Cut(message, MaxMessage),
			ObservedGeneration: generation, LastTransitionTime: metav1.Time{Time: now.UTC().Truncate(time.Second)},
		})
	}
	put := func(kind string, ok bool, reason, message string) {
		set(kind, map[bool]metav1.ConditionStatus{true: metav1.ConditionTrue, false: metav1.ConditionFalse}[ok], reason, message)
	}
	switch {
	case a.Resolved != nil:
		put(v1alpha1.ConditionReady, true, "Resolved", "")
	case a.Blocked != nil:
		put(v1alpha1.ConditionReady, false, a.Blocked.Reason, a.Blocked.Message)
	}
	if reason, message := approvals.RequesterNotice(a); reason != "" {
		put(v1alpha1.ConditionRequester, true, reason, message) // true: it is no obstacle
	}
	switch {
	case a.SecondRun != nil, a.Effect != nil:
		put(v1alpha1.ConditionStartable, true, started, "")
	case a.Resolved == nil && a.Blocked != nil && !a.Decided():
		set(v1alpha1.ConditionStartable, metav1.ConditionUnknown, notResolved, "this is checked once the Approval is resolved; the condition Ready says what is missing")
	case a.Decided() && !a.ToRelease() && !a.Changed():
		meta.RemoveStatusCondition(&out, v1alpha1.ConditionStartable)
	case a.Preflight != nil:
		reason, message := a.Preflight.Text()
		set(v1alpha1.ConditionStartable, metav1.ConditionStatus(a.Preflight.State), reason, message)
	default:
		if c := meta.FindStatusCondition(out, v1alpha1.ConditionStartable); c != nil && c.Reason == notResolved {
			meta.RemoveStatusCondition(&out, v1alpha1.ConditionStartable)
		}
	}
	if failed, told := deliveryState(a.Deliveries); failed != "" {
		put(v1alpha1.ConditionNotified, false, "DeliveryFailed", failed)
	} else if told {
		put(v1alpha1.ConditionNotified, true, "Delivered", "")
	}
	switch {
	case a.SecondRun != nil && a.Unreleased != nil && a.Unreleased.Reason == approvals.ReasonRunDiffers:
		put(v1alpha1.ConditionReleased, false, a.Unreleased.Reason, a.Unreleased.Message)
	case a.SecondRun != nil:
		put(v1alpha1.ConditionReleased, true, "RunObserved", "")
	case a.Effect != nil:
		put(v1alpha1.ConditionReleased, true, "Written", a.Effect.What)
	case !a.AnsweredAt.IsZero():
		put(v1alpha1.ConditionReleased, true, "TaskCompleted", "")
	case a.Unreleased != nil:
		put(v1alpha1.ConditionReleased, false, a.Unreleased.Reason, a.Unreleased.Message)
	default:
		meta.RemoveStatusCondition(&out, v1alpha1.ConditionReleased)
	}
	if e := a.RunEnd; e != nil {
		put(v1alpha1.ConditionSecondRunEnded, true, string(e.Outcome), e.Why())
	} else {
		meta.RemoveStatusCondition(&out, v1alpha1.ConditionSecondRunEnded)
	}
	return out
}

// mostNamed bounds the failed deliveries that a condition lists: a mail server that is down
// fails for everybody, in the same words.
const mostNamed = 3

func deliveryState(ds []approvals.Delivery) (failed string, told bool) {
	var each []string
	for _, d := range ds {
		switch {
		case !d.Failed():
			told = true
		case d.Recipient == "":
			each = append(each, "channel "+d.Channel+" was not notified: "+d.Error)
		default:
			verb, why := " was not notified by ", d.Error
			if rest, unclear := strings.CutPrefix(why, approvals.DeliveryUnclear); unclear {
				verb, why = " may have been notified by ", rest
			}
			each = append(each, d.Recipient+verb+d.Channel+": "+why)
		}
	}
	if more := len(each) - mostNamed; more > 0 {
		each = append(each[:mostNamed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(each, "; "), told
}

// ProblemOf returns reason and message of a False condition of the given type, nil when it is
// not False or absent.
func ProblemOf(cs []metav1.Condition, kind string) *approvals.Problem {
	c := meta.FindStatusCondition(cs, kind)
	if c == nil || c.Status != metav1.ConditionFalse {
		return nil
	}
	return &approvals.Problem{Reason: c.Reason, Message: c.Message}
}

// SignatureInvalid is the reason of an Approval that this service did not open.
const SignatureInvalid = "SignatureInvalid"

// LeanOf converts the mark of what the cache left out of o.
func LeanOf(o *v1alpha1.Approval) approvals.Lean {
	if l := o.Spec.Lean; l != nil {
		return approvals.Lean{Values: l.Values, Words: l.Words, Claims: l.Claims}
	}
	return approvals.Lean{}
}
