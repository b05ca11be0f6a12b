package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/countersign-dev/countersign/approvals"
)

func TestSay(t *testing.T) {
	t.Parallel()
	resource := schema.GroupResource{Group: "countersign.dev", Resource: "approvals"}
	for want, err := range map[string]error{
		"not installed":                    apierrors.NewGenericServerResponse(404, "get", resource, "", "404 page not found", 0, true),
		"sign in again":                    apierrors.NewUnauthorized("no"),
		"ClusterRole view":                 apierrors.NewForbidden(resource, "a", errors.New("no")),
		`approvals.countersign.dev "a"`:    apierrors.NewNotFound(resource, "a"),
		"already approved by bob":          fmt.Errorf("x: %w", approvals.Errorf(approvals.CodeConflict, "already approved by bob")),
		"something else that is not known": errors.New("something else that is not known"),
	} {
		if got := (&command{}).say(err); !strings.Contains(got, want) {
			t.Errorf("%q, want %q in it", got, want)
		}
	}
}
