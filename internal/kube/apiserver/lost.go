package apiserver

import (
	"errors"
	"net"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// IsLost reports whether the API server may have made a write although err is its error: no
// answer came after it was sent, or the answer is that something behind the API server did not
// answer.
func IsLost(err error) bool {
	if err == nil || neverSent(err) || kubeutil.IsTooLarge(err) {
		return false
	}
	if kubeutil.FromAPIServer(err) {
		return apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) || apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) ||
			apierrors.IsUnexpectedServerError(err)
	}
	return true
}

// neverSent reports whether a request was not sent at all, because there was no connection.
func neverSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	return errors.Is(err, ErrUnreachable)
}
