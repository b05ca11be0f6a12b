package kubeutil

import (
	"errors"

	"github.com/countersign-dev/countersign/approvals"
)

// Reasoned is an error with the condition reason that it becomes.
type Reasoned struct {
	Reason string
	error
}

func (r Reasoned) Unwrap() error { return r.error }

// Reason gives err the reason of a condition, unless it has one already.
func Reason(name string, err error) error {
	if _, ok := errors.AsType[Reasoned](err); ok {
		return err
	}
	return Reasoned{name, err}
}

// ProblemWith is the problem that err tells of, with the reason that err has, or else
// fallback.
func ProblemWith(fallback string, err error) approvals.Problem {
	p := approvals.Problem{Reason: fallback, Message: approvals.Message(err)}
	if r, ok := errors.AsType[Reasoned](err); ok {
		p.Reason = r.Reason
	}
	return p
}
