package kube

import (
	"errors"

	"github.com/countersign-dev/countersign/approvals"
)

// reasoned is an error with the condition reason that it becomes.
type reasoned struct {
	reason string
	error
}

func (r reasoned) Unwrap() error { return r.error }

// reason gives err the reason of a condition, unless it has one already.
func reason(name string, err error) error {
	if _, ok := errors.AsType[reasoned](err); ok {
		return err
	}
	return reasoned{name, err}
}

// ProblemWith is the problem that err tells of, with the reason that err has, or else
// fallback.
func ProblemWith(fallback string, err error) approvals.Problem {
	p := approvals.Problem{Reason: fallback, Message: approvals.Message(err)}
	if r, ok := errors.AsType[reasoned](err); ok {
		p.Reason = r.reason
	}
	return p
}
