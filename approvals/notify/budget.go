package notify

import (
	"strings"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Budget limits the mails about the Approvals of one namespace, so that nobody can have the
// service write to strangers by the thousand. A namespace may send as many as its Quota allows
// at once, and after that evenly so many an hour; the same holds for each address.
//
// A process remembers what it sent itself: another one begins with a full budget. A mail keeps
// the time that it got, so a caller need not ask again.
type Budget struct {
	mu         sync.Mutex
	namespaces map[string]time.Time // when it has nothing to wait for any more
	addresses  map[string]time.Time // the same, by namespace and address
}

const (
	// maxSpent bounds what is remembered; those that have nothing to wait for are forgotten
	// first.
	maxSpent = 1 << 16
	// MaxMailWait is the longest that a mail waits for its time. One that would have to wait
	// for longer is not sent.
	MaxMailWait = 24 * time.Hour
)

// Reserve returns the time at which a mail of a namespace to an address may be sent, and keeps
// that time for it. over has the reason why it waits, nil when it may be sent at once. ok is
// false for a mail that would wait too long: nothing is reserved for it.
func (b *Budget) Reserve(q approvals.Quota, namespace, address string, now time.Time) (at time.Time, over error, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	to := namespace + " " + strings.ToLower(address)
	at = now
	all, one := spend(b.namespaces[namespace], q.MailsPerHour, now), spend(b.addresses[to], q.MailsPerHourTo, now)
	if all.at.After(at) {
		at, over = all.at, q.TooManyMails(namespace, false)
	}
	if one.at.After(at) {
		at, over = one.at, q.TooManyMails(namespace, true)
	}
	if at.Sub(now) > MaxMailWait {
		return at, over, false
	}
	b.namespaces = remember(b.namespaces, namespace, all.until, now)
	b.addresses = remember(b.addresses, to, one.until, now)
	return at, over, true
}

// spent has the time of the next mail, and the time from which the budget is full again.
type spent struct{ at, until time.Time }

// spend takes one mail out of a budget of n an hour, where until is the value that the mail before
// left. n mails may be sent at once, which uses up an hour's budget.
func spend(until time.Time, n int, now time.Time) spent {
	if n <= 0 {
		return spent{now, now}
	}
	each := time.Hour / time.Duration(n)
	if until.Before(now) {
		until = now
	}
	until = until.Add(each)
	at := until.Add(-time.Duration(n) * each)
	if at.Before(now) {
		at = now
	}
	return spent{at, until}
}

func remember(m map[string]time.Time, key string, until, now time.Time) map[string]time.Time {
	if _, there := m[key]; !there && len(m) >= maxSpent {
		for k, t := range m {
			if !t.After(now) {
				delete(m, k)
			}
		}
		if len(m) >= maxSpent {
			m = nil
		}
	}
	if m == nil {
		m = map[string]time.Time{}
	}
	m[key] = until
	return m
}
