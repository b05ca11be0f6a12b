package approvals

import (
	"fmt"
)

// Quota bounds what one namespace may have at once, so that no tenant takes what all share.
// 0 is no bound.
type Quota struct {
	OpenApprovals   int   // that wait for a decision
	HeldBytes       int64 // of the events of those
	EventsPerMinute int   // that are held; see EventCost
	WaitingVotes    int   // Vote objects that nobody has looked at yet
	Delegations     int
	MailsPerHour    int   // to all addresses
	MailsPerHourTo  int   // to one address
	EvidenceBytes   int64 // of all evidence that is kept, compressed

	// By says by which GatePolicy a field is; one that is not in it is configured.
	By map[string]string
}

// The fields of a Quota, as GatePolicies and the configuration name them.
const (
	quotaApprovals   = "openApprovals"
	quotaBytes       = "heldBytes"
	quotaEvents      = "eventsPerMinute"
	quotaVotes       = "waitingVotes"
	quotaDelegations = "delegations"
	quotaMails       = "mailsPerHour"
	quotaMailsTo     = "mailsPerHourToOneAddress"
	quotaEvidence    = "evidenceBytes"
)

// Under is q where policies say nothing, and of those that say something the least.
func (q Quota) Under(policies []GatePolicy) Quota {
	q.By = nil
	by := func(field string, policy GatePolicy) {
		if q.By == nil {
			q.By = map[string]string{}
		}
		q.By[field] = policy.Name
	}
	less := func(field string, most *int, than int, p GatePolicy) {
		if _, set := q.By[field]; than > 0 && (!set || than < *most) {
			*most = than
			by(field, p)
		}
	}
	for _, p := range policies {
		less(quotaApprovals, &q.OpenApprovals, p.Quota.OpenApprovals, p)
		less(quotaEvents, &q.EventsPerMinute, p.Quota.EventsPerMinute, p)
		less(quotaVotes, &q.WaitingVotes, p.Quota.WaitingVotes, p)
		less(quotaDelegations, &q.Delegations, p.Quota.Delegations, p)
		less(quotaMails, &q.MailsPerHour, p.Quota.MailsPerHour, p)
		less(quotaMailsTo, &q.MailsPerHourTo, p.Quota.MailsPerHourTo, p)
		if _, set := q.By[quotaBytes]; p.Quota.HeldBytes > 0 && (!set || p.Quota.HeldBytes < q.HeldBytes) {
			q.HeldBytes = p.Quota.HeldBytes
			by(quotaBytes, p)
		}
		if _, set := q.By[quotaEvidence]; p.Quota.EvidenceBytes > 0 && (!set || p.Quota.EvidenceBytes < q.EvidenceBytes) {
			q.EvidenceBytes = p.Quota.EvidenceBytes
			by(quotaEvidence, p)
		}
	}
	return q
}

// over is the error of what is over a field of q.
func (q Quota) over(field, format string, args ...any) error {
	where := "limits.namespace." + field + " of the service's configuration"
	if policy, ok := q.By[field]; ok {
		where = fmt.Sprintf("GatePolicy %q, field quota.%s", policy, field)
	}
	return Errorf(CodeLimited, "%s (%s)", fmt.Sprintf(format, args...), where)
}

// Usage counts what a namespace has at present.
type Usage struct {
	Open  int   // Approvals that wait
	Bytes int64 // of the events of those
}

// eventShare of eventParts of a namespace's open Approvals may be events whose sender nobody
// verified. Anybody who reaches the interceptor can have such an event held, and must not keep
// runs from being held.
const eventShare, eventParts = 3, 4

// MayOpen says why a namespace with usage u may have no further Approval, or nil. size is
// its event's, verified says whether its event's sender was, or that it is of a run.
func (q Quota) MayOpen(namespace string, u Usage, size int64, verified bool) error {
	most, whose := q.OpenApprovals, "Approvals"
	if !verified && most > 0 {
		most, whose = max(1, most*eventShare/eventParts), "Approvals, which leaves none for events of unverified senders,"
	}
	if most > 0 && u.Open >= most {
		return q.over(quotaApprovals, "namespace %s has %d %s waiting for a decision, and the limit is %d: decide or cancel some, or ask a cluster administrator to raise the limit", namespace, u.Open, whose, most)
	}
	if q.HeldBytes > 0 && size > 0 && u.Bytes+size > q.HeldBytes {
		return q.over(quotaBytes, "the events waiting in namespace %s have %d bytes, this one has %d, and the limit is %d: decide or cancel some, let the sender send less, or ask a cluster administrator to raise the limit", namespace, u.Bytes, size, q.HeldBytes)
	}
	return nil
}

// MayKeep says why a namespace that keeps have bytes of evidence may not keep n more, or nil.
func (q Quota) MayKeep(namespace string, have, n int64) error {
	if q.EvidenceBytes == 0 || have+n <= q.EvidenceBytes {
		return nil
	}
	return q.over(quotaEvidence, "namespace %s keeps %d bytes of evidence, this has %d more, and the limit is %d: delete PipelineRuns and Approvals that are no longer needed (keepFor of a Gate does so), or ask a cluster administrator to raise the limit", namespace, have, n, q.EvidenceBytes)
}

// eventUnit is up to how many bytes an event counts as one. An event that is held is written,
// watched and read by every replica some times over, so a large one costs as much as many small
// ones. What forges send of a push is smaller, as a rule.
const eventUnit = 16 << 10

// EventCost is as how many events one with a body of size bytes counts. One alone is never too
// many.
func (q Quota) EventCost(size int) int {
	return min(1+max(size-1, 0)/eventUnit, max(q.EventsPerMinute, 1))
}

// TooManyEvents returns CodeLimited, for an event beyond what the namespace may send in a minute.
func (q Quota) TooManyEvents(namespace string) error {
	return q.over(quotaEvents, "namespace %[2]s may hold %[1]d events a minute, where a large one counts once for each 16 KiB, and this one is above that: let its sender send it again later", q.EventsPerMinute, namespace)
}

// MayWait says why a Vote may not wait behind before others of its namespace, or nil.
func (q Quota) MayWait(namespace string, before int) error {
	if q.WaitingVotes == 0 || before < q.WaitingVotes {
		return nil
	}
	return q.over(quotaVotes, "%d older Votes of namespace %s are waiting to be processed, and the limit is %d, so this one is not counted: create it again in a minute", before, namespace, q.WaitingVotes)
}

// TooManyDelegations is the error of a Delegation behind the most of its namespace.
func (q Quota) TooManyDelegations(namespace string) error {
	return q.over(quotaDelegations, "namespace %s has more than %d Delegations, and the newest do not count: delete some that have ended", namespace, q.Delegations)
}

// TooManyMails is why a mail waits: of its namespace, or to its address, there were as many
// as there may be.
func (q Quota) TooManyMails(namespace string, toOne bool) error {
	if toOne {
		return q.over(quotaMailsTo, "namespace %s may send %d mails an hour to one address, so this one waits", namespace, q.MailsPerHourTo)
	}
	return q.over(quotaMails, "namespace %s may send %d mails an hour, so this one waits", namespace, q.MailsPerHour)
}
