package preflight

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
	"github.com/countersign-dev/countersign/internal/kube/pipelinerun"
	"github.com/countersign-dev/countersign/internal/kube/render"
	"github.com/countersign-dev/countersign/internal/kube/triggers"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
)

// refsKept is the time for which a Pipeline or Task that was read is taken to be unchanged.
const refsKept = 30 * time.Second

// run looks at what the run refers to: Tekton would refuse it, or have it fail at once,
// after people have decided. It is object i of the template, and most have but one.
func (p *Preflights) run(ctx context.Context, r *triggers.Resolved, a approvals.Approval, made render.Rendered, i int, f *findings) error {
	run, ok := asRun(made.Objects[i])
	if !ok {
		return nil // the dry run says what is wrong with it
	}
	switch status := run.Spec.Status; {
	case run.IsPending() && !a.Resolved.Policy.VerifyBeforeStart:
		f.add(approvals.ReasonStaysPending, "the template of trigger %s creates a pending run (spec.status: %s), but gate %q has no verifyRun: BeforeStart, so this service would not start it. Remove spec.status, or set verifyRun", a.Trigger, status, a.Resolved.Policy.Gate)
	case status != "" && !run.IsPending():
		f.add("RunCancelled", "the template of trigger %s creates a run with spec.status: %s, which runs nothing: remove it", a.Trigger, status)
	}
	if err := p.volumes(ctx, a, run, f); err != nil {
		return err
	}
	if i == 0 {
		if err := p.referred(ctx, a, run, f); err != nil {
			return err
		}
	}
	spec := run.Spec.PipelineSpec
	if ref := run.Spec.PipelineRef; spec == nil && ref != nil && isPlainRef(ref.Name, string(ref.Resolver)) && !hasBundle(made.Objects[i], "pipelineRef") {
		found, err := lookUp(ctx, p, a.Namespace, ref.Name, &pipelinev1.Pipeline{})
		if err != nil {
			return err
		}
		if found == nil && isElsewhere(run) {
			f.add(approvals.ReasonElsewhere, "there is no Pipeline %s in namespace %s, which the template of trigger %s refers to; %s, which manages the run, may have it elsewhere", ref.Name, a.Namespace, a.Trigger, *run.Spec.ManagedBy)
			return nil
		}
		if found == nil {
			f.add("PipelineMissing", "there is no Pipeline %s in namespace %s, which the template of trigger %s refers to: create it, or correct the name", ref.Name, a.Namespace, a.Trigger)
			return nil
		}
		spec = &found.Spec
		given(run, spec, ref.Name, f)
	}
	if spec == nil {
		return nil
	}
	tasks, err := p.tasks(ctx, a, run, spec, f)
	if err != nil {
		return err
	}
	return p.typed(ctx, r, a, i, spec, tasks, f)
}

// referred compares what the run would refer to by name with what is asked about, where a
// Gate has that be a part of it (verifyRun: BeforeStart).
func (p *Preflights) referred(ctx context.Context, a approvals.Approval, run *pipelinev1.PipelineRun, f *findings) error {
	if len(a.Resolved.References) == 0 || a.Decided() { // after the decision the run itself is compared
		return nil
	}
	run.Namespace = a.Namespace
	now, _, err := pipelinerun.ReferencesOf(ctx, p.Live, run)
	switch approvals.CodeOf(err) {
	case "":
	case approvals.CodeNotFound: // named below, with what refers to it
		return nil
	default:
		return f.fromError(render.ReasonTemplateError, err)
	}
	if why := verifyrun.Changed(a.Resolved.References, now); why != "" {
		f.add(approvals.ReasonContentChanged, "what %s requests approval for is no longer what would run, %s. Countersign replaces it with a request for what would run now, once that has not changed for a moment",
			a.Name, strings.NewReplacer("was approved", "approval was requested for", "were approved", "approval was requested for").Replace(why))
	}
	return nil
}

// asRun is a rendered object as a PipelineRun. What v1beta1 has in other places is not
// looked at.
func asRun(o *unstructured.Unstructured) (*pipelinev1.PipelineRun, bool) {
	raw, err := o.MarshalJSON()
	run := &pipelinev1.PipelineRun{}
	return run, err == nil && json.Unmarshal(raw, run) == nil
}

func hasBundle(o *unstructured.Unstructured, field string) bool {
	bundle, _, _ := unstructured.NestedString(o.Object, "spec", field, "bundle")
	return bundle != ""
}

// isElsewhere reports whether another controller than the Tekton of this cluster runs it
// (managedBy).
func isElsewhere(run *pipelinev1.PipelineRun) bool {
	by := run.Spec.ManagedBy
	return by != nil && *by != "" && *by != pipeline.ManagedBy
}

func isPlainRef(name, resolver string) bool {
	return name != "" && resolver == "" && !strings.Contains(name, "$(")
}

// lookUp reads what a run refers to by name, from the API server: the service keeps no
// copy of everybody's Pipelines. It is nil when there is none, or when it may not look.
func lookUp[T client.Object](ctx context.Context, p *Preflights, namespace, name string, into T) (T, error) {
	var none T
	key := strings.Join([]string{typeName(into), namespace, name}, "/")
	found, err := p.refs.Get(p.Now(), key, refsKept, func() (any, error) {
		err := p.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, into)
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return into, err
	}, func(found any) bool { return found != nil })
	if err != nil {
		return none, kubeutil.Translate(err, typeName(into)+" "+name)
	}
	if found == nil {
		return none, nil
	}
	return found.(T), nil //nolint:forcetypeassert // kept under its type's name
}

func typeName(o client.Object) string {
	switch o.(type) {
	case *pipelinev1.Pipeline:
		return "Pipeline"
	case *pipelinev1.Task:
		return "Task"
	}
	return "object"
}

// given looks whether the run brings what its Pipeline asks for, by Tekton's rules.
func given(run *pipelinev1.PipelineRun, spec *pipelinev1.PipelineSpec, name string, f *findings) {
	for _, want := range spec.Params {
		i := slices.IndexFunc(run.Spec.Params, func(x pipelinev1.Param) bool { return x.Name == want.Name })
		switch {
		case i < 0 && want.Default == nil:
			f.add("ParamMissing", "Pipeline %s has param %s without a default, and the run would not give it: add it to the params of the template's PipelineRun", name, want.Name)
		case i >= 0 && want.Type != "" && run.Spec.Params[i].Value.Type != want.Type:
			f.add("ParamMissing", "param %s of Pipeline %s is of type %s, and the run would give it a %s: Tekton refuses that", want.Name, name, want.Type, run.Spec.Params[i].Value.Type)
		}
	}
	for _, want := range spec.Workspaces {
		if !want.Optional && !slices.ContainsFunc(run.Spec.Workspaces, func(x pipelinev1.WorkspaceBinding) bool { return x.Name == want.Name }) {
			f.add("WorkspaceMissing", "Pipeline %s has workspace %s, and the run would not bind it: add it to the workspaces of the template's PipelineRun", name, want.Name)
		}
	}
}

// tasks are the Tasks of a pipeline by the names of its tasks, those of the cluster too. Of
// those that are not there it is said.
func (p *Preflights) tasks(ctx context.Context, a approvals.Approval, run *pipelinev1.PipelineRun, spec *pipelinev1.PipelineSpec, f *findings) (map[string]*pipelinev1.TaskSpec, error) {
	out := map[string]*pipelinev1.TaskSpec{}
	for _, t := range slices.Concat(spec.Tasks, spec.Finally) {
		if t.TaskSpec != nil && t.TaskSpec.APIVersion == "" {
			out[t.Name] = &t.TaskSpec.TaskSpec
		}
		ref := t.TaskRef
		if ref == nil || ref.APIVersion != "" || !isPlainRef(ref.Name, string(ref.Resolver)) || ref.Kind != "" && ref.Kind != pipelinev1.NamespacedTaskKind {
			continue
		}
		found, err := lookUp(ctx, p, a.Namespace, ref.Name, &pipelinev1.Task{})
		if err != nil {
			return nil, err
		}
		if found == nil && isElsewhere(run) {
			f.add(approvals.ReasonElsewhere, "there is no Task %s in namespace %s, which task %s of what would run refers to; %s, which manages the run, may have it elsewhere", ref.Name, a.Namespace, t.Name, *run.Spec.ManagedBy)
			continue
		}
		if found == nil {
			f.add("TaskMissing", "there is no Task %s in namespace %s, which task %s of what would run refers to: create it, or correct the name", ref.Name, a.Namespace, t.Name)
			continue
		}
		out[t.Name] = &found.Spec
	}
	return out, nil
}

// volumes looks whether the claims that the run would bind are there, and at the directory
// in them that part 1 wrote to.
func (p *Preflights) volumes(ctx context.Context, a approvals.Approval, run *pipelinev1.PipelineRun, f *findings) error {
	before := p.partOne(ctx, a)
	for _, w := range run.Spec.Workspaces {
		if w.PersistentVolumeClaim == nil {
			continue
		}
		name := w.PersistentVolumeClaim.ClaimName
		var pvc corev1.PersistentVolumeClaim
		err := p.Live.Get(ctx, types.NamespacedName{Namespace: a.Namespace, Name: name}, &pvc)
		if apierrors.IsNotFound(err) || err == nil && pvc.DeletionTimestamp != nil {
			f.add("VolumeMissing", "workspace %s of the run would bind volume claim %s, which was deleted. Run the first pipeline again, or bind another claim", w.Name, name)
			continue
		}
		if err != nil {
			return kubeutil.Translate(err, "volume claim "+name)
		}
		for _, x := range before {
			if claimOf(a, x.Name) == name && x.SubPath != "" && w.SubPath == "" {
				f.add(approvals.ReasonSubPath, "the first pipeline had volume claim %s as workspace %s with subPath %s, but the run would bind the whole claim as workspace %s: set subPath: %s, unless that is intended",
					name, x.Name, x.SubPath, w.Name, x.SubPath)
			}
		}
	}
	return nil
}

// partOne are part 1's workspaces, while it is there.
func (p *Preflights) partOne(ctx context.Context, a approvals.Approval) []pipelinev1.WorkspaceBinding {
	if a.Source.Run == nil {
		return nil
	}
	pr, err := kubeutil.Read(ctx, p.Client, cmp.Or(a.Source.Run.Namespace, a.Namespace), a.Source.Run.Name, &pipelinev1.PipelineRun{})
	if err != nil || string(pr.UID) != a.Source.Run.UID {
		return nil
	}
	return pr.Spec.Workspaces
}

func claimOf(a approvals.Approval, workspace string) string {
	return approvals.ByName(a.Source.Claims)[workspace]
}
