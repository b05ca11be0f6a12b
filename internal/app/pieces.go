package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// askTime is how long the API server may take to say what it serves.
const askTime = 10 * time.Second

// pieces are what must be in the cluster before anything can be watched. Without this
// list the first kind that is missing ends the process with words about REST mappings.
var pieces = []struct {
	version, name, install string
	kinds                  []string
}{
	{"countersign.dev/v1alpha1", "Countersign's own definitions", "apply deploy/crd", []string{"Approval", "Gate", "Delegation", "Vote"}},
	{"tekton.dev/v1", "Tekton Pipelines", "install it, or a newer one", []string{"PipelineRun"}},
	{"tekton.dev/v1beta1", "Tekton Pipelines", "install it, or a newer one", []string{"CustomRun"}},
	{"triggers.tekton.dev/v1beta1", "Tekton Triggers", "install it, or a newer one", []string{"Trigger", "EventListener", "TriggerTemplate", "TriggerBinding", "ClusterTriggerBinding"}},
	{"triggers.tekton.dev/v1alpha1", "Tekton Triggers", "install it, or a newer one", []string{"ClusterInterceptor"}},
}

// installed says which pieces the cluster lacks, all at once, and what to do.
func installed(ctx context.Context, to *rest.Config) error {
	to = rest.CopyConfig(to)
	to.Timeout = askTime
	client, err := kubernetes.NewForConfig(to)
	if err != nil {
		return err
	}
	var lacks []error
	for _, p := range pieces {
		var served metav1.APIResourceList
		err := client.Discovery().RESTClient().Get().AbsPath("/apis", p.version).Do(ctx).Into(&served)
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("ask the cluster what it serves: %w", err)
		}
		lack := slices.DeleteFunc(slices.Clone(p.kinds), func(kind string) bool {
			return slices.ContainsFunc(served.APIResources, func(r metav1.APIResource) bool { return r.Kind == kind })
		})
		if len(lack) > 0 {
			lacks = append(lacks, fmt.Errorf("the cluster lacks %s (%s of %s): %s", p.name, strings.Join(lack, ", "), p.version, p.install))
		}
	}
	return errors.Join(lacks...)
}
