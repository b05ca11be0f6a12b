package refusal

import (
	"errors"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	const denied = "votes \"a\" is forbidden: ValidatingAdmissionPolicy 'countersign-votes' with binding 'countersign-votes' denied request: no"
	for name, c := range map[string]struct {
		err    error
		policy string
		fields []string
		text   string
	}{
		"a policy": {errors.New(denied), "countersign-votes", nil, denied},
		"a schema": {
			apierrors.NewInvalid(schema.GroupKind{Kind: "Gate"}, "g-x7k2", field.ErrorList{
				field.Required(field.NewPath("spec", "b"), "say it"), field.Invalid(field.NewPath("spec", "a"), 1, "too few"), field.Invalid(field.NewPath("spec", "a"), 1, "odd"),
			}),
			"",
			[]string{"spec.a", "spec.b"},
			"spec.a: Invalid value: 1: odd\nspec.a: Invalid value: 1: too few\nspec.b: Required value: say it",
		},
		"something else": {errors.New("no route to host"), "", nil, "no route to host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Policy(c.err); got != c.policy {
				t.Errorf("policy %q, want %q", got, c.policy)
			}
			if got := Fields(c.err); !slices.Equal(got, c.fields) {
				t.Errorf("fields %q, want %q", got, c.fields)
			}
			if got := Text(c.err); got != c.text {
				t.Errorf("text %q, want %q", got, c.text)
			}
		})
	}
	if got := Policy(nil); got != "" {
		t.Errorf("no error is denied by %q", got)
	}
	if got := InBody(`{"message":"x: ValidatingAdmissionPolicy 'a.b-1' with binding 'c' denied"}`); got != "a.b-1" {
		t.Errorf("by %q in an answer", got)
	}
}
