package templates

import (
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Page has the data of the frame around every page: the reader, the place in the bar, and the way in
// which it stays up to date.
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
	// Kept are the values of the page's address that stay when its reader chooses another language.
	Kept []keptValue
}

// keptValue is one value of an address.
type keptValue struct{ Name, Value string }

// maxKept bounds the bytes of an address that are kept: each language has a link with them.
const maxKept = 2 << 10

// keptOf are the values of query that say what a page shows, in the order of their names. Of those
// that are too long none is kept: a part of a search would find something else.
func keptOf(query url.Values) (out []keptValue) {
	size := 0
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if name == "language" {
			continue
		}
		for _, v := range query[name] {
			if v == "" {
				continue
			}
			if size += len(name) + len(v); size > maxKept {
				return nil
			}
			out = append(out, keptValue{name, v})
		}
	}
	return out
}

// refreshFor bounds the time in which a page that waits for the service reloads itself. It counts
// from the opening or the decision, so that a forgotten page stops.
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

// refreshes reports whether a is about to change without a person: it is being resolved, its outcome
// is being carried out, or its run has not ended. A problem ends that, because people must act then.
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
