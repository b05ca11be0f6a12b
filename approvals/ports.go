package approvals

import (
	"context"
	"time"
)

// Store keeps Approvals. Implementations return CodeNotFound, CodeConflict
// (after too many lost races) and CodeUnavailable.
type Store interface {
	// Get returns one Approval. key.UID is compared when it is set.
	Get(ctx context.Context, key Key) (Approval, error)
	// List returns the Approvals of a namespace, of all when it is "".
	List(ctx context.Context, namespace string) ([]Approval, error)
	// Update is compare-and-swap: change sees the newest version and may run
	// again when it lost a race, so it must be pure. An error from change ends
	// it and is returned as it is; a change that returns NoChange writes nothing.
	Update(ctx context.Context, key Key, change func(Approval) (Approval, Change, error)) (Approval, error)
}

// Delegates knows who stands in for whom.
type Delegates interface {
	// Of are the people whose delegate name is at now, for a Gate.
	Of(ctx context.Context, name, namespace, gate string, now time.Time) ([]string, error)
}

// Links knows whose mailed links have ended before their time: a link is for somebody
// whom the Gate still names.
type Links interface {
	// Ended says why voter's link on a has, "" while it has not.
	Ended(ctx context.Context, a Approval, voter string) (why string, err error)
}

// Operators knows who looks after the service in a namespace, in all with "": whom
// RBAC lets update the status of Approvals.
type Operators interface {
	MayOperate(ctx context.Context, id Identity, namespace string) (bool, error)
}

// Rights asks RBAC. It returns CodeUnavailable when there is no answer.
type Rights interface {
	// Has says whether id has a right on a Gate.
	Has(ctx context.Context, id Identity, namespace, gate string, r Right) (bool, error)
}

// GatePolicies knows what administrators demand of the Gates of a namespace.
type GatePolicies interface {
	// Of are those that hold in a namespace now. An error is no leave: nothing is
	// decided until they are known.
	Of(ctx context.Context, namespace string) ([]GatePolicy, error)
}
