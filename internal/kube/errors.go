package kube

import (
	"context"
	"errors"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/countersign-dev/countersign/approvals"
)

// translate gives an API server's error its domain code: the one table between
// the two.
func translate(err error, what string) error {
	var code approvals.Code
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err), apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		// In a namespace that is being deleted everything is as good as gone.
		return &approvals.Error{Code: approvals.CodeNotFound, Message: what + " was not found"}
	case isTooLarge(err):
		return &approvals.Error{Code: approvals.CodeInvalid, Message: what + " is larger than the API server keeps: forward or show less"}
	case apierrors.IsConflict(err):
		code = approvals.CodeConflict
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return &approvals.Error{Code: approvals.CodeInvalid, Message: what + " was refused by the API server: " + err.Error()}
	case apierrors.IsForbidden(err):
		code = approvals.CodeForbidden
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

// isTooLarge says whether an object is more than the API server takes, or than etcd
// keeps, whose word comes as a 500.
func isTooLarge(err error) bool {
	return err != nil && (apierrors.IsRequestEntityTooLargeError(err) || strings.Contains(err.Error(), "request is too large") || strings.Contains(err.Error(), "received message larger than max"))
}
