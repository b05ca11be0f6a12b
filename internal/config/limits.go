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
	}
}

// leastBodyBytes is the least that a listener's memory for bodies has to be: three of the largest
// that it takes. A quarter is kept for those who were proved.
const leastBodyBytes = 12 << 20

type limitsFile struct {
	Web            *listenerFile `json:"web,omitempty"`
	Interceptor    *listenerFile `json:"interceptor,omitempty"`
	TrustedProxies []string      `json:"trustedProxies,omitempty"`
	Namespace      *quotaFile    `json:"namespace,omitempty"`
}

// quotaFile has the fields of a GatePolicy's quota.
type quotaFile struct {
	OpenApprovals   *int   `json:"openApprovals,omitempty"`
	HeldBytes       *int64 `json:"heldBytes,omitempty"`
	EventsPerMinute *int   `json:"eventsPerMinute,omitempty"`
	WaitingVotes    *int   `json:"waitingVotes,omitempty"`
	Delegations     *int   `json:"delegations,omitempty"`
	MailsPerHour    *int   `json:"mailsPerHour,omitempty"`
	MailsPerHourTo  *int   `json:"mailsPerHourToOneAddress,omitempty"`
	EvidenceBytes   *int64 `json:"evidenceBytes,omitempty"`
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
	Connections *int   `json:"connections,omitempty"`
	Requests    *int   `json:"requests,omitempty"`
	BodyBytes   *int64 `json:"bodyBytes,omitempty"`
}

func (f *limitsFile) read() (Limits, error) {
	l := DefaultLimits()
	if f == nil {
		return l, nil
	}
	var errs []error
	errs = append(errs, f.Web.into(&l.Web, "limits.web", leastBodyBytes/4), f.Interceptor.into(&l.Interceptor, "limits.interceptor", leastBodyBytes))
	errs = append(errs, f.Namespace.into(&l.Namespace))
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
