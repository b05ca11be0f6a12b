package config

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Limits bound what the service accepts at once.
type Limits struct {
	Web, Interceptor Listener
	// Proxies are believed in X-Forwarded-For.
	Proxies []netip.Prefix
	// Namespace is the quota of each namespace, where no GatePolicy says otherwise.
	Namespace approvals.Quota
	// StoredEvidenceBytes bounds the evidence of all namespaces in the audit store.
	StoredEvidenceBytes int64
}

// Listener has the bounds of one listener.
type Listener struct {
	Connections int           // open
	Requests    int           // worked on
	BodyBytes   int64         // of all bodies in memory
	Wait        time.Duration // for memory, and for their turn
}

// DefaultLimits are for the memory that the deployment has: a body in work costs about six
// times its size, and a connection about 40 kB.
func DefaultLimits() Limits {
	return Limits{
		Web:         Listener{Connections: 2000, Requests: 256, BodyBytes: 8 << 20, Wait: 5 * time.Second},
		Interceptor: Listener{Connections: 1000, Requests: 256, BodyBytes: 24 << 20, Wait: 6 * time.Second},
		Namespace: approvals.Quota{
			OpenApprovals: 2000, HeldBytes: 64 << 20, EventsPerMinute: 600, WaitingVotes: 500, Delegations: 500, MailsPerHour: 1000, MailsPerHourTo: 250, EvidenceBytes: 256 << 20,
		},
		StoredEvidenceBytes: 2 << 30,
	}
}

// leastBodyBytes is the least that a listener's memory for bodies has to be: three of the largest
// that it takes. A quarter is kept for those who were proved.
const leastBodyBytes = 12 << 20

type limitsFile struct {
	// The limits of pages and API.
	Web *listenerFile `json:"web,omitempty"`
	// The limits of the interceptor.
	Interceptor *listenerFile `json:"interceptor,omitempty"`
	// Networks of your Ingress controllers. Only what they connect has its address taken from `X-Forwarded-For`. Without
	// them all people behind one Ingress are one address.
	TrustedProxies []string `json:"trustedProxies,omitempty"`
	// What [each namespace may have](#what-a-namespace-may-have).
	Namespace *quotaFile `json:"namespace,omitempty"`
	// Bytes of the [evidence](../concepts/evidence.md) of all namespaces together in the audit store, compressed, so that it
	// leaves space for the audit log. Over it, an upload is refused (`429`), and a log is missing: the Approval says why. Uploads
	// at the same time may go beyond it by what they have.
	StoredEvidenceBytes *int64 `json:"storedEvidenceBytes,omitempty"`
}

// quotaFile has the fields of a GatePolicy's quota.
type quotaFile struct {
	// Approvals that wait for a decision. Events whose sender [nobody verified](../explanation/security.md) may be three
	// quarters of them, so that a flood of those does not keep runs from being held. Over it, an event is refused, and the
	// Event `CountersignOverLimit` of its Trigger says so. A run or a task waits, and its Event says so; it is looked at
	// again every minute.
	OpenApprovals *int `json:"openApprovals,omitempty"`
	// Bytes of the events that wait for a decision, with their headers and what bindings read of other interceptors. Over
	// it, an event is refused.
	HeldBytes *int64 `json:"heldBytes,omitempty"`
	// Events that are held, counted by each replica since it started. One of more than 16 KiB counts once for each 16 KiB
	// that it has. An event that came before costs nothing. Over it, an event is refused,
	// and so is a large one that came before, which stays held.
	EventsPerMinute *int `json:"eventsPerMinute,omitempty"`
	// `Vote` objects that were not looked at yet. Over it, the newer Vote is `Refused`. Of Votes that were looked at, more
	// than so many stay for 15 seconds, and not for an hour.
	WaitingVotes *int `json:"waitingVotes,omitempty"`
	// `Delegation` objects. Over it, those that were made last do not count. Events of the first 16 of them say so
	// (`CountersignOverLimit`), when somebody votes.
	Delegations *int `json:"delegations,omitempty"`
	// Mails about the namespace's Approvals, counted by the process that sends since it started. As many may go at once,
	// and then evenly. Over it, a mail waits for its time, and the Approval says until when (`status.notifications`).
	MailsPerHour *int `json:"mailsPerHour,omitempty"`
	// As `mailsPerHour`, to one address.
	MailsPerHourTo *int `json:"mailsPerHourToOneAddress,omitempty"`
	// Bytes of all [evidence](../concepts/evidence.md) that is stored, compressed. Over it, an upload is refused (`429`), and
	// a log is missing: the Approval says why.
	EvidenceBytes *int64 `json:"evidenceBytes,omitempty"`
}

func (f *quotaFile) into(q *approvals.Quota) error {
	if f == nil {
		return nil
	}
	var errs []error
	set := func(field string, to *int, from *int) {
		if from == nil {
			return
		}
		if *to = *from; *from < 1 {
			errs = append(errs, fmt.Errorf("limits.namespace.%s is %d: use at least 1", field, *from))
		}
	}
	set("openApprovals", &q.OpenApprovals, f.OpenApprovals)
	set("eventsPerMinute", &q.EventsPerMinute, f.EventsPerMinute)
	set("waitingVotes", &q.WaitingVotes, f.WaitingVotes)
	set("delegations", &q.Delegations, f.Delegations)
	set("mailsPerHour", &q.MailsPerHour, f.MailsPerHour)
	set("mailsPerHourToOneAddress", &q.MailsPerHourTo, f.MailsPerHourTo)
	if f.HeldBytes != nil {
		if q.HeldBytes = *f.HeldBytes; q.HeldBytes < 1 {
			errs = append(errs, fmt.Errorf("limits.namespace.heldBytes is %d: use at least 1", q.HeldBytes))
		}
	}
	if f.EvidenceBytes != nil {
		if q.EvidenceBytes = *f.EvidenceBytes; q.EvidenceBytes < 1 {
			errs = append(errs, fmt.Errorf("limits.namespace.evidenceBytes is %d: use at least 1", q.EvidenceBytes))
		}
	}
	return errors.Join(errs...)
}

type listenerFile struct {
	// The number of open connections, at least 16. Above it, Countersign closes the oldest idle connection of the address
	// that has the most of them.
	Connections *int `json:"connections,omitempty"`
	// The number of concurrent requests, at least 8. Further ones wait for their turn, one address after the other, for 5
	// seconds (`web`) or 6 (`interceptor`); then the answer is 503 with `Retry-After`. Pages that update themselves have
	// [a limit of their own](api.md#follow-changes-of-what-you-may-see).
	Requests *int `json:"requests,omitempty"`
	// The bytes of all bodies in memory. A body's bytes are reserved before the first of them is read. Raise it together
	// with the memory of the pod: a held event costs about six times its size while it is worked on.
	BodyBytes *int64 `json:"bodyBytes,omitempty"`
}

// fileOf has l as a file writes it.
func fileOf(l Limits) *limitsFile {
	listener := func(l Listener) *listenerFile {
		return &listenerFile{Connections: &l.Connections, Requests: &l.Requests, BodyBytes: &l.BodyBytes}
	}
	q := l.Namespace
	return &limitsFile{Web: listener(l.Web), Interceptor: listener(l.Interceptor), Namespace: &quotaFile{
		OpenApprovals: &q.OpenApprovals, HeldBytes: &q.HeldBytes, EventsPerMinute: &q.EventsPerMinute, WaitingVotes: &q.WaitingVotes,
		Delegations: &q.Delegations, MailsPerHour: &q.MailsPerHour, MailsPerHourTo: &q.MailsPerHourTo, EvidenceBytes: &q.EvidenceBytes,
	}, StoredEvidenceBytes: &l.StoredEvidenceBytes}
}

func (f *limitsFile) read() (Limits, error) {
	l := DefaultLimits()
	if f == nil {
		return l, nil
	}
	var errs []error
	errs = append(errs, f.Web.into(&l.Web, "limits.web", leastBodyBytes/4), f.Interceptor.into(&l.Interceptor, "limits.interceptor", leastBodyBytes))
	errs = append(errs, f.Namespace.into(&l.Namespace))
	if f.StoredEvidenceBytes != nil {
		if l.StoredEvidenceBytes = *f.StoredEvidenceBytes; l.StoredEvidenceBytes < 1 {
			errs = append(errs, fmt.Errorf("limits.storedEvidenceBytes is %d: use at least 1", l.StoredEvidenceBytes))
		}
	}
	for _, s := range f.TrustedProxies {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("limits.trustedProxies has %q: use a network such as 10.1.0.0/16, or 10.1.2.3/32 for one address", s))
			continue
		}
		l.Proxies = append(l.Proxies, p.Masked())
	}
	return l, errors.Join(errs...)
}

func (f *listenerFile) into(l *Listener, field string, leastBytes int64) error {
	if f == nil {
		return nil
	}
	var errs []error
	if f.Connections != nil {
		if l.Connections = *f.Connections; l.Connections < 16 {
			errs = append(errs, fmt.Errorf("%s.connections is %d: use at least 16", field, l.Connections))
		}
	}
	if f.Requests != nil {
		if l.Requests = *f.Requests; l.Requests < 8 {
			errs = append(errs, fmt.Errorf("%s.requests is %d: use at least 8", field, l.Requests))
		}
	}
	if f.BodyBytes != nil {
		if l.BodyBytes = *f.BodyBytes; l.BodyBytes < leastBytes {
			errs = append(errs, fmt.Errorf("%s.bodyBytes is %d: use at least %d", field, l.BodyBytes, leastBytes))
		}
	}
	return errors.Join(errs...)
}
