package interceptor

import (
	"google.golang.org/grpc/codes"

	"github.com/countersign-dev/countersign/approvals"
)

// grpcCode maps the domain's codes to those that EventListeners read. It is the only such table.
func grpcCode(c approvals.Code) codes.Code {
	switch c {
	case approvals.CodeInvalid:
		return codes.InvalidArgument
	case approvals.CodeUnauthenticated:
		return codes.Unauthenticated
	case approvals.CodeForbidden:
		return codes.PermissionDenied
	case approvals.CodeNotFound:
		return codes.NotFound
	case approvals.CodeConflict:
		return codes.AlreadyExists
	case approvals.CodeGone, approvals.CodeNotReady:
		return codes.FailedPrecondition
	case approvals.CodeLimited:
		return codes.ResourceExhausted
	case approvals.CodeUnavailable:
		return codes.Unavailable
	default:
		return codes.Internal
	}
}
