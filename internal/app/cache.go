package app

import (
	"context"
	"fmt"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/kube/destination"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/store"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// cacheOptions keep in memory only what is read: of every run in the cluster its
// metadata, params, workspaces, results, condition and where its pipeline came from, but of
// large values nothing, and all of its spec while it is awaited; of every Approval its state,
// its policy and its votes, and no large values; of every CustomRun what says whose it is and whether it has
// ended; of every namespace its labels.
func cacheOptions(awaited *verifyrun.Awaited) (cache.Options, error) {
	labelled, err := labels.NewRequirement(destination.Label, selection.Exists, nil)
	if err != nil {
		return cache.Options{}, err
	}
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&v1alpha1.Approval{}:         {Transform: (&store.Sharing{}).Approval},
			&pipelinev1.PipelineRun{}:    {Transform: slimRun(awaited)},
			&pipelinev1beta1.CustomRun{}: {Transform: slimTask},
			&v1alpha1.Vote{}:             {Transform: slimVote},
			// Of Services those that Triggers makes, which all have this label. It only keeps
			// the others out of memory: whose a Service is, package destination finds out.
			&corev1.Service{}:   {Label: labels.NewSelector().Add(*labelled), Transform: slimService},
			&corev1.Namespace{}: {Transform: slimNamespace},
		},
	}, nil
}

// warm starts every informer with the process: a replica that does not lead reads
// them too, and the first vote must not wait for a first list.
func warm(ctx context.Context, c cache.Cache, o Options) error {
	for _, p := range pieces {
		if !p.watched(o) {
			continue
		}
		for _, obj := range p.kinds {
			if _, err := c.GetInformer(ctx, obj, cache.BlockUntilSynced(false)); err != nil {
				return fmt.Errorf("watch %T: %w", obj, err)
			}
		}
	}
	for _, obj := range []client.Object{&corev1.Service{}, &corev1.Namespace{}} {
		if _, err := c.GetInformer(ctx, obj, cache.BlockUntilSynced(false)); err != nil {
			return fmt.Errorf("watch %T: %w", obj, err)
		}
	}
	return nil
}

// slimService keeps what package destination reads.
func slimService(o any) (any, error) {
	s, ok := o.(*corev1.Service)
	if !ok {
		return o, nil
	}
	s.ManagedFields, s.Annotations, s.Status = nil, nil, corev1.ServiceStatus{}
	return s, nil
}

func slimRun(awaited *verifyrun.Awaited) func(any) (any, error) {
	return func(o any) (any, error) {
		pr, ok := o.(*pipelinev1.PipelineRun)
		if !ok {
			return o, nil
		}
		pr.ManagedFields = nil
		delete(pr.Annotations, "kubectl.kubernetes.io/last-applied-configuration")
		status := pipelinev1.PipelineRunStatus{}
		status.Conditions = pr.Status.Conditions
		status.StartTime, status.CompletionTime = pr.Status.StartTime, pr.Status.CompletionTime
		status.Results = pr.Status.Results
		if above := pr.Status.SpanContext["traceparent"]; above != "" && len(above) < kubeutil.MaxKept {
			status.SpanContext = map[string]string{"traceparent": above} // the trace goes on in the next run
		}
		if p := pr.Status.Provenance; p != nil && p.RefSource != nil { // what a resolver fetched
			status.Provenance = &pipelinev1.Provenance{RefSource: p.RefSource}
		}
		pr.Status = status
		if _, whole := awaited.By(client.ObjectKeyFromObject(pr)); whole {
			return pr, nil // it is compared with what was approved
		}
		pr.Spec.PipelineSpec = nil
		pr.Spec.TaskRunSpecs = nil
		pr.Spec.TaskRunTemplate = pipelinev1.PipelineTaskRunTemplate{}
		pipelinerun.LeaveValues(pr)
		return pr, nil
	}
}

// slimNamespace keeps the labels, by which GatePolicies select.
func slimNamespace(o any) (any, error) {
	ns, ok := o.(*corev1.Namespace)
	if !ok {
		return o, nil
	}
	ns.ManagedFields, ns.Annotations, ns.OwnerReferences = nil, nil, nil
	ns.Spec, ns.Status = corev1.NamespaceSpec{}, corev1.NamespaceStatus{}
	return ns, nil
}

// slimVote keeps no words of a Vote that was looked at: the Approval has them, and it stays
// only for anyone who made it to read what came of it.
func slimVote(o any) (any, error) {
	v, ok := o.(*v1alpha1.Vote)
	if !ok {
		return o, nil
	}
	v.ManagedFields, v.Annotations = nil, nil
	if v.Status.State != "" {
		v.Spec.Comment, v.Spec.Inputs, v.Spec.Groups, v.Status.Message = "", nil, nil, ""
	}
	return v, nil
}

// slimTask keeps no params: they are read again when an Approval is opened. How many
// attempts there were is what is needed of them.
func slimTask(o any) (any, error) {
	cr, ok := o.(*pipelinev1beta1.CustomRun)
	if !ok {
		return o, nil
	}
	cr.ManagedFields, cr.Annotations = nil, nil
	cr.Spec.Params, cr.Spec.Workspaces = nil, nil
	if s := cr.Spec.CustomSpec; s != nil {
		cr.Spec.CustomSpec = &pipelinev1beta1.EmbeddedCustomRunSpec{TypeMeta: s.TypeMeta}
	}
	status := pipelinev1beta1.CustomRunStatus{}
	status.Conditions, status.StartTime = cr.Status.Conditions, cr.Status.StartTime
	status.RetriesStatus = make([]pipelinev1beta1.CustomRunStatus, len(cr.Status.RetriesStatus))
	cr.Status = status
	return cr, nil
}
