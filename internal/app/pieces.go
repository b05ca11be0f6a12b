package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	triggersv1alpha1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1alpha1"
	triggersv1 "github.com/tektoncd/triggers/pkg/apis/triggers/v1beta1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// askTime bounds the question to the API server for the kinds that it serves.
const askTime = 10 * time.Second

// pieces lists what must be in the cluster before anything can be watched, and which of it is
// watched. Without this list the first kind that is missing ends the process with words about
// REST mappings. The kinds of a piece are of one version.
var pieces = []struct {
	name, install string
	watched       func(Options) bool
	kinds         []client.Object
}{
	{"Countersign's own definitions", "apply deploy/crd", always, []client.Object{&v1alpha1.Approval{}, &v1alpha1.Gate{}, &v1alpha1.GatePolicy{}, &v1alpha1.Delegation{}, &v1alpha1.Vote{}}},
	{"Countersign's own definitions", "apply deploy/crd", never, []client.Object{&v1alpha1.Evidence{}}},
	{"Tekton Pipelines", "install it, or a newer version", always, []client.Object{&pipelinev1.PipelineRun{}}},
	{"Tekton Pipelines", "install it, or a newer version", Options.answersTasks, []client.Object{&pipelinev1beta1.CustomRun{}}},
	{"Tekton Triggers", "install it, or a newer version", always, []client.Object{
		&triggersv1.Trigger{}, &triggersv1.EventListener{}, &triggersv1.TriggerTemplate{}, &triggersv1.TriggerBinding{}, &triggersv1.ClusterTriggerBinding{},
	}},
	{"Tekton Triggers", "install it, or a newer version", never, []client.Object{&triggersv1alpha1.ClusterInterceptor{}}},
}

func always(Options) bool { return true }
func never(Options) bool  { return false }

// installed returns one error for each piece that the cluster lacks, all at once, each with what
// to do; nil when all are there.
func installed(ctx context.Context, scheme *runtime.Scheme, to *rest.Config) error {
	to = rest.CopyConfig(to)
	to.Timeout = askTime
	clientset, err := kubernetes.NewForConfig(to)
	if err != nil {
		return err
	}
	var lacks []error
	for _, p := range pieces {
		version, kinds, err := kindsOf(scheme, p.kinds)
		if err != nil {
			return err
		}
		var served metav1.APIResourceList
		err = clientset.Discovery().RESTClient().Get().AbsPath("/apis", version).Do(ctx).Into(&served)
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("ask the cluster what it serves: %w", err)
		}
		lack := slices.DeleteFunc(kinds, func(kind string) bool {
			return slices.ContainsFunc(served.APIResources, func(r metav1.APIResource) bool { return r.Kind == kind })
		})
		if len(lack) > 0 {
			lacks = append(lacks, fmt.Errorf("the cluster lacks %s (%s of %s): %s", p.name, strings.Join(lack, ", "), version, p.install))
		}
	}
	return errors.Join(lacks...)
}

// kindsOf are the names of objects' kinds, and the version that they are of.
func kindsOf(scheme *runtime.Scheme, objects []client.Object) (version string, kinds []string, err error) {
	for _, o := range objects {
		gvk, err := apiutil.GVKForObject(o, scheme)
		if err != nil {
			return "", nil, err
		}
		version, kinds = gvk.GroupVersion().String(), append(kinds, gvk.Kind)
	}
	return version, kinds, nil
}
