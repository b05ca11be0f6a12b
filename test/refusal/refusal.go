// Package refusal tells apart why the API server refused a request, by what is not a sentence.
package refusal

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Policy returns the ValidatingAdmissionPolicy that denied the request, and "" when none did.
func Policy(err error) string {
	if err == nil {
		return ""
	}
	return InBody(err.Error())
}

// InBody is Policy for an answer that was read as text. The API server names the policy nowhere
// but in its message.
func InBody(message string) string {
	found := regexp.MustCompile(`ValidatingAdmissionPolicy '([a-z0-9.-]+)' with binding`).FindStringSubmatch(message)
	if found == nil {
		return ""
	}
	return found[1]
}

// Fields returns the fields that the schema of a kind found wrong, sorted, each once.
func Fields(err error) []string {
	var fields []string
	for _, c := range causes(err) {
		if c.Field != "" && c.Field != "<nil>" {
			fields = append(fields, c.Field)
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// Text is err for a golden file: one line for each thing that is wrong, with its field, and
// without the name of the object, which the API server may have generated.
func Text(err error) string {
	var lines []string
	for _, c := range causes(err) {
		if c.Field == "" || c.Field == "<nil>" { // which is the beginning of another cause's
			continue
		}
		lines = append(lines, c.Field+": "+c.Message)
	}
	if len(lines) == 0 || Policy(err) != "" {
		return err.Error()
	}
	slices.SortFunc(lines, cmp.Compare[string])
	return strings.Join(slices.Compact(lines), "\n")
}

func causes(err error) []metav1.StatusCause {
	if s, ok := errors.AsType[*apierrors.StatusError](err); ok && s.Status().Details != nil {
		return s.Status().Details.Causes
	}
	return nil
}
