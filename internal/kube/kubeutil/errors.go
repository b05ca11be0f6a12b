package kubeutil

import (
	"context"
	"errors"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/approvals"
)

// Translate gives an API server's error its domain code: the one table between
// the two.
func Translate(err error, what string) error {
	var code approvals.Code
	switch {
	case err == nil:
		return nil
	case approvals.CodeOf(err) == approvals.CodeLimited:
		return err
	case isNotServed(err):
		code = approvals.CodeUnavailable
	case apierrors.IsNotFound(err), apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		// In a namespace that is being deleted everything is as good as gone.
		return &approvals.Error{Code: approvals.CodeNotFound, Message: what + " was not found"}
	case IsTooLarge(err):
		return &approvals.Error{Code: approvals.CodeInvalid, Message: what + " is larger than the API server's limit for an object: forward or show less"}
	case apierrors.IsConflict(err):
		code = approvals.CodeConflict
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return &approvals.Error{Code: approvals.CodeInvalid, Message: what + " was refused by the API server: " + err.Error(), Err: err}
	case apierrors.IsForbidden(err):
		// It is the service that may not, by RBAC that is not read yet, or by somebody's
		// admission policy. It says nothing about the person for whom it was tried.
		return &approvals.Error{Code: approvals.CodeUnavailable, Err: err, Message: what + " could not be read or written, because the API server does not let the service do it; try again in a moment. If it persists, the service log has the API server's message for an administrator"}
	case apierrors.IsUnauthorized(err), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err),
		apierrors.IsServiceUnavailable(err), apierrors.IsTooManyRequests(err), apierrors.IsInternalError(err),
		errors.Is(err, context.DeadlineExceeded):
		code = approvals.CodeUnavailable
	default:
		// What is not an API status never reached the API server.
		if apierrors.ReasonForError(err) == "" {
			code = approvals.CodeUnavailable
		} else {
			code = approvals.CodeInternal
		}
	}
	return &approvals.Error{Code: code, Message: what + " could not be read or written; try again in a moment", Err: err}
}

// isNotServed reports whether the API server does not know the path at all, which says nothing
// of an object: it has just started, and does not serve CustomResourceDefinitions yet.
func isNotServed(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// IsTooLarge reports whether the API server refuses an object for its size, or etcd does,
// whose error comes as a 500.
func IsTooLarge(err error) bool {
	return err != nil && (apierrors.IsRequestEntityTooLargeError(err) || strings.Contains(err.Error(), "request is too large") || strings.Contains(err.Error(), "received message larger than max"))
}

// FromAPIServer reports whether err is the API server's answer to the service. No rule made
// it, so it refuses nobody, and the caller tries again.
func FromAPIServer(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status)
}

// IsRBAC tells the authorizer's refusal from an admission plugin's, which is
// Forbidden too.
func IsRBAC(err error) bool { return rbacWords.MatchString(err.Error()) }

var rbacWords = regexp.MustCompile(`cannot \w+ resource "`)

// MaxRaces bounds the attempts of Update after lost races.
const MaxRaces = 50

// IgnoreNotFound is err, and nil for what has gone meanwhile: its event brings the rest.
func IgnoreNotFound(err error) error {
	if approvals.CodeOf(err) == approvals.CodeNotFound {
		return nil
	}
	return err
}
