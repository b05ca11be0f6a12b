package kubeutil_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	gr, gk := servicetest.ApprovalsResource, schema.GroupKind{Kind: "Approval"}
	for name, c := range map[string]struct {
		err  error
		want approvals.Code
	}{
		"nil":              {nil, ""},
		"not found":        {apierrors.NewNotFound(gr, "a"), approvals.CodeNotFound},
		"conflict":         {apierrors.NewConflict(gr, "a", errors.New("x")), approvals.CodeConflict},
		"invalid":          {apierrors.NewInvalid(gk, "a", nil), approvals.CodeInvalid},
		"bad request":      {apierrors.NewBadRequest("x"), approvals.CodeInvalid},
		"too large":        {apierrors.NewRequestEntityTooLargeError("x"), approvals.CodeInvalid},
		"forbidden":        {apierrors.NewForbidden(gr, "a", errors.New("x")), approvals.CodeUnavailable},
		"not served yet":   {apierrors.NewGenericServerResponse(404, "get", gr, "a", "404 page not found", 0, true), approvals.CodeUnavailable},
		"unauthorized":     {apierrors.NewUnauthorized("x"), approvals.CodeUnavailable},
		"timeout":          {apierrors.NewTimeoutError("x", 1), approvals.CodeUnavailable},
		"server timeout":   {apierrors.NewServerTimeout(gr, "get", 1), approvals.CodeUnavailable},
		"throttled":        {apierrors.NewTooManyRequestsError("x"), approvals.CodeUnavailable},
		"internal":         {apierrors.NewInternalError(errors.New("x")), approvals.CodeUnavailable},
		"our own deadline": {fmt.Errorf("get: %w", context.DeadlineExceeded), approvals.CodeUnavailable},
		"not reached":      {errors.New("dial tcp 10.0.0.1:443: connection refused"), approvals.CodeUnavailable},
		"gone":             {apierrors.NewResourceExpired("x"), approvals.CodeInternal},
	} {
		err := kubeutil.Translate(c.err, "approval prod/a")
		if approvals.CodeOf(err) != c.want {
			t.Errorf("%s: %v is %s, want %s", name, err, approvals.CodeOf(err), c.want)
		}
		if strings.Contains(approvals.Message(err), "10.0.0.1") {
			t.Errorf("%s: people are told %q", name, approvals.Message(err))
		}
	}
}
