package templates

import (
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Operations is the page of what went wrong, for whoever looks after the service.
type Operations struct {
	Person, Namespace, Trouble, Base string
	Undelivered                      []Undelivered
	Unreleased                       []approvals.Approval
	Now                              time.Time
}

// Undelivered is a delivery that failed.
type Undelivered struct {
	Approval approvals.Approval
	Delivery approvals.Delivery
}

type operationsView struct {
	Here, Title, Recipient, Trouble, Base, Namespace string
	Undelivered                                      []undeliveredView
	Unreleased                                       []unreleasedView
	MoreUndelivered, MoreUnreleased                  int
}

type undeliveredView struct {
	itemView
	Event, Channel, Recipient, Error string
	Attempts                         int
}

type unreleasedView struct {
	itemView
	Why *approvals.Problem
}

func newOperationsView(o Operations) operationsView {
	v := operationsView{
		Here: "operations", Title: "Operations", Recipient: line(o.Person), Trouble: text(o.Trouble), Base: drop(o.Base),
		Namespace:       drop(first(o.Namespace, maxLine)),
		MoreUndelivered: max(0, len(o.Undelivered)-maxItems), MoreUnreleased: max(0, len(o.Unreleased)-maxItems),
	}
	l := List{Base: o.Base, Now: o.Now}
	for _, x := range o.Undelivered[:min(len(o.Undelivered), maxItems)] {
		d := x.Delivery
		v.Undelivered = append(v.Undelivered, undeliveredView{
			newItem(Item{Approval: x.Approval}, l, &room{}), line(d.Event), line(d.Channel), line(d.Recipient), line(d.Error), d.Attempts,
		})
	}
	for _, a := range o.Unreleased[:min(len(o.Unreleased), maxItems)] {
		v.Unreleased = append(v.Unreleased, unreleasedView{newItem(Item{Approval: a}, l, &room{}), problem(a.Unreleased)})
	}
	return v
}
