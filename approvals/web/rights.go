package web

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

const (
	// What the cluster said of a person is believed for so long by pages with many
	// Approvals; that it did not answer, for less. A page of one Approval, and a vote,
	// ask again.
	rightsFor, troubleFor = 10 * time.Second, 2 * time.Second
	// maxRights bounds how many answers are remembered; past it remembering begins
	// again.
	maxRights = 1 << 15
	// maxNamespace is the longest name that a namespace has. People type others, and in
	// those nobody may do anything: that is neither asked nor remembered.
	maxNamespace = 63
	// rightsWithin bounds what a page asks the cluster, rightsAtOnce how much of it
	// at a time.
	rightsWithin = 5 * time.Second
	rightsAtOnce = 16
)

// rights remembers for a moment what the cluster said of people, so that a page of
// two hundred namespaces does not ask two hundred questions at each view.
type rights struct {
	auth      Authenticator
	operators approvals.Operators // may be nil
	desk      VoteService
	now       func() time.Time

	mu    sync.Mutex
	known map[question]*answer
}

// question is the key of one cached answer about a person's rights.
type question struct {
	who                    person
	verb, namespace, about string
	rbac                   bool
}

// person is a digest of everything in an identity that determines RBAC's answers.
type person [sha256.Size]byte

func personOf(id approvals.Identity) person {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %t", id.Name, id.AuthMethod, id.Groups, id.Address, id.GroupsLeftOut))
}

// answer is there once done is closed.
type answer struct {
	done   chan struct{}
	until  time.Time
	yes    bool
	proved approvals.Identity
	err    error
}

// mayList reports whether id may list the Approvals of a namespace, of all with "".
func (r *rights) mayList(ctx context.Context, who person, id approvals.Identity, namespace string) (bool, error) {
	if len(namespace) > maxNamespace {
		return false, nil
	}
	a := r.ask(ctx, question{who: who, verb: "list", namespace: namespace}, func(ctx context.Context, a *answer) {
		a.yes, a.err = r.auth.MaySee(ctx, id, "list", namespace, "")
	})
	return a.yes, a.err
}

// mayOperate reports whether id looks after the service in a namespace, in all with "".
func (r *rights) mayOperate(ctx context.Context, who person, id approvals.Identity, namespace string) (bool, error) {
	if r.operators == nil || len(namespace) > maxNamespace {
		return false, nil
	}
	a := r.ask(ctx, question{who: who, verb: "operate", namespace: namespace}, func(ctx context.Context, a *answer) {
		a.yes, a.err = r.operators.MayOperate(ctx, id, namespace)
	})
	return a.yes, a.err
}

// prove returns id with its rights on a's Gate, which are the same for all Approvals of that Gate.
func (r *rights) prove(ctx context.Context, who person, id approvals.Identity, a approvals.Approval) (approvals.Identity, error) {
	q := question{who: who, verb: "prove", namespace: a.Namespace, about: a.Resolved.Policy.Gate, rbac: a.Resolved.Policy.ByRBAC()}
	got := r.ask(ctx, q, func(ctx context.Context, got *answer) {
		got.proved, got.err = r.desk.Prove(ctx, a, id, false)
	})
	return got.proved, got.err
}

// ask asks each question once, however many requests wait for the answer. The first of them may end
// early: the others still get the answer.
func (r *rights) ask(ctx context.Context, q question, find func(context.Context, *answer)) *answer {
	r.mu.Lock()
	a := r.known[q]
	if a == nil || a.over(r.now()) {
		a = &answer{done: make(chan struct{})}
		if r.known == nil || len(r.known) >= maxRights {
			r.known = map[question]*answer{}
		}
		r.known[q] = a
		r.mu.Unlock()
		r.find(ctx, a, find)
		return a
	}
	r.mu.Unlock()
	select {
	case <-a.done:
		return a
	case <-ctx.Done():
		return &answer{err: approvals.Errorf(approvals.CodeUnavailable, "we couldn't check your access in time; try again in a moment")}
	}
}

func (r *rights) find(ctx context.Context, a *answer, find func(context.Context, *answer)) {
	deadline, ok := ctx.Deadline()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rightsWithin)
	defer cancel()
	if ok { // a page has one for all that it asks
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	a.err = errNoAnswer // should find panic
	defer func() {
		a.until = r.now().Add(rightsFor)
		if a.err != nil {
			a.until = r.now().Add(troubleFor)
		}
		close(a.done)
	}()
	find(ctx, a)
}

var errNoAnswer = approvals.Errorf(approvals.CodeUnavailable, "we couldn't check your access; try again in a moment")

// over reports whether a is there and too old.
func (a *answer) over(now time.Time) bool {
	select {
	case <-a.done:
		return !now.Before(a.until)
	default:
		return false
	}
}
