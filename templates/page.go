package templates

import (
	"net/url"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Page is what every page has: who reads it, which one it is, and how it keeps up to date.
type Page struct {
	Recipient string
	Session   bool
	Base      string
	Here      string // of the pages in the bar, which one this is
	Turn      int    // how many wait for Recipient, where that is known
	Now       string // for the script that shows times
	// Events is the path that tells when the page may have changed, "" without one.
	Events  string
	Refresh bool // the page is about to change by itself
	Poll    bool // the page asks now and then whether it has changed
}

// refreshFor is how long a page that waits for the service reloads itself.
const refreshFor = 10 * time.Minute

func newPage(d Data) Page {
	a := d.Approval
	p := Page{Recipient: line(d.Recipient), Session: d.Session, Base: drop(d.Base), Now: stamp(d.Now), Refresh: refreshes(a, d.Now)}
	if d.Live {
		p.Events = p.Base + "/events?" + url.Values{"namespace": {a.Namespace}, "name": {a.Name}}.Encode()
	}
	p.Poll = p.Events == "" && !a.Decided()
	return p
}

// refreshes says whether the page of a is about to change by itself.
func refreshes(a approvals.Approval, now time.Time) bool {
	switch {
	case a.Decided():
		return (a.ToRelease() || a.ToAnswer() || a.Runs()) && a.Unreleased == nil && now.Sub(a.DecidedAt) < refreshFor
	case a.Resolved == nil:
		return a.Blocked == nil && now.Sub(a.OpenedAt) < refreshFor
	default:
		return false
	}
}
