package approvals

import (
	"errors"
	"fmt"
)

// Code says what kind of failure an error is, so that each adapter can
// translate it once (HTTP status, gRPC code, retry or not).
type Code string

// The codes. Everything that is not an *Error is CodeInternal.
const (
	CodeInvalid         Code = "invalid"         // the input can never be right; the sender must change it
	CodeUnauthenticated Code = "unauthenticated" // nobody has been proved to be asking
	CodeForbidden       Code = "forbidden"       // proved, and not allowed
	CodeNotFound        Code = "not_found"
	CodeConflict        Code = "conflict"    // the state is not what the input assumed, e.g. decided already
	CodeGone            Code = "gone"        // it was possible once: expired
	CodeNotReady        Code = "not_ready"   // it will be possible: something named in the message is missing
	CodeLimited         Code = "limited"     // over a limit that the message names; later, or with less, it may go through
	CodeUnavailable     Code = "unavailable" // a dependency did not answer; the same call may go through later
	CodeInternal        Code = "internal"
)

// Error is a failure with a message that is meant for people: it says what was
// wrong, where, and what to do.
type Error struct {
	Code    Code
	Message string
	// Private follows Message for those who may see what it is about: who can decide, say.
	Private string
	Field   string // the input that it is about, "" when it is about none
	Err     error  // the cause, for logs; never shown
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + e.Private + ": " + e.Err.Error()
	}
	return e.Message + e.Private
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf formats a message for people: it is shown as it is, so it must not have a cause of
// another system in it.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// FieldOf returns the name of the input that err is about, or "".
func FieldOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Field
	}
	return ""
}

// CodeOf returns the code of err, CodeInternal for an error that is none of
// ours, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// Message returns the text of err that may be shown to a person who may see what it is
// about. The text of an internal error is never shown.
func Message(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Code != CodeInternal {
		return e.Message + e.Private
	}
	return Discreet(err)
}

// Discreet is Message for anybody: it does not say who may decide.
func Discreet(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Code != CodeInternal {
		return e.Message
	}
	return "Internal error. The service's log has the details."
}
