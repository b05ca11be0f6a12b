package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/countersign-dev/countersign/approvals"
)

// errSaid ends a command whose failures have been told, one by one.
var errSaid = errors.New("")

// say returns the text of an error that a person reads. It is the only such table.
func (c *command) say(err error) string {
	if _, ok := errors.AsType[*approvals.Error](err); ok {
		return approvals.Message(err)
	}
	if ue, ok := errors.AsType[*url.Error](err); ok {
		if _, network := errors.AsType[net.Error](ue.Err); network || ue.Timeout() {
			return fmt.Sprintf("can't reach the cluster: %v. Is it the right --context, and is it up?", ue.Err)
		}
	}
	switch {
	case unknownResource(err):
		return "Countersign is not installed in this cluster: install it (docs/getting-started/install.md), or choose another --context"
	case apierrors.IsUnauthorized(err):
		return "the cluster does not accept your credentials: sign in again, or choose another --context"
	case apierrors.IsForbidden(err):
		return fmt.Sprintf("%v. You need ClusterRole view in that namespace to look, and edit to vote or delegate", err)
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return err.Error()
}

// unknownResource tells a resource that the API server does not serve from an
// object that is not there: both are 404.
func unknownResource(err error) bool {
	return apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// absent returns the error of an object that is not there, with the names that are near.
func absent(kind, name, namespace string, names []string) error {
	hint := "give the namespace with -n"
	if like := nearest(name, names); len(like) > 0 {
		hint = "did you mean " + strings.Join(like, ", ") + "?"
	}
	return fmt.Errorf("there is no %s %q in namespace %s; %s", kind, name, namespace, hint)
}

// nearest are up to three of names that are like name.
func nearest(name string, names []string) []string {
	type scored struct {
		name string
		far  int
	}
	var like []scored
	for _, n := range names {
		far := distance(name, n)
		if strings.HasPrefix(n, name) || strings.HasSuffix(n, name) {
			far = 1
		}
		if far <= max(2, len(name)/4) {
			like = append(like, scored{n, far})
		}
	}
	slices.SortStableFunc(like, func(a, b scored) int { return a.far - b.far })
	var out []string
	for _, s := range like[:min(3, len(like))] {
		out = append(out, s.name)
	}
	return out
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
