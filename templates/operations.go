package templates

import (
	"net/url"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Operations is the page of failures and figures, for operators.
type Operations struct {
	Person, Namespace, Trouble, Base string
	Glance                           *Glance // nil: the person looks after nothing
	Undelivered                      []Undelivered
	Unreleased                       []approvals.Approval
	Gates                            []GateTimes // where most waits first
	Query                            url.Values  // of the page's address
	Language                         string      // the reader's, "" for English
	Now                              time.Time
}

// Glance counts the Approvals in the namespaces that the person operates. Today counts those that
// ended since midnight in UTC.
type Glance struct {
	Pending, Today, Unreleased, Undelivered int
	Oldest                                  time.Time // opening of the oldest that waits
}

// Undelivered is a delivery that failed.
type Undelivered struct {
	Approval approvals.Approval
	Delivery approvals.Delivery
}

type operationsView struct {
	Page
	Title, Trouble, Namespace string

	Glance                          *glanceView
	Undelivered                     []undeliveredView
	Unreleased                      []unreleasedView
	Gates                           []gateView
	MoreUndelivered, MoreUnreleased int
	MoreGates                       int
}

type glanceView struct {
	Pending, Today, Unreleased, Undelivered int
	Oldest                                  Moment
}

type undeliveredView struct {
	itemView
	Actions   ActionsView
	To, About string // who was to be told, of what and how
	Error     string
	Attempts  int
}

type unreleasedView struct {
	itemView
	Actions ActionsView
	Why     *approvals.Problem
}

func newOperationsView(o Operations) operationsView {
	r := newReader(o.Now, o.Language)
	v := operationsView{
		Page: Page{Recipient: line(o.Person), Session: true, Base: drop(o.Base), Here: "operations", Now: stamp(o.Now), Kept: keptOf(o.Query)}, Title: r.t("Operations"), Trouble: r.sentence(o.Trouble),
		Namespace:       drop(first(o.Namespace, maxLine)),
		MoreUndelivered: max(0, len(o.Undelivered)-maxItems), MoreUnreleased: max(0, len(o.Unreleased)-maxItems),
	}
	if g := o.Glance; g != nil {
		v.Glance = &glanceView{g.Pending, g.Today, g.Unreleased, g.Undelivered, r.moment(g.Oldest)}
	}
	v.MoreGates = max(0, len(o.Gates)-maxGates)
	for _, g := range o.Gates[:min(len(o.Gates), maxGates)] {
		v.Gates = append(v.Gates, r.newGate(g, v.Base))
	}
	l := List{Base: o.Base, Now: o.Now}
	for _, x := range o.Undelivered[:min(len(o.Undelivered), maxItems)] {
		d, i := x.Delivery, newItem(Item{Approval: x.Approval}, l, r, &room{})
		to, about := r.message(line(d.Recipient), d.Event, d.Channel)
		v.Undelivered = append(v.Undelivered, undeliveredView{i, operatorActions(x.Approval, i.Path, r), to, about, line(d.Error), d.Attempts})
	}
	for _, a := range o.Unreleased[:min(len(o.Unreleased), maxItems)] {
		i := newItem(Item{Approval: a}, l, r, &room{})
		v.Unreleased = append(v.Unreleased, unreleasedView{i, operatorActions(a, i.Path, r), r.problem(a.Unreleased)})
	}
	return v
}
