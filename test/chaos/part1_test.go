//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/chaos/history"
)

// managedBy keeps Tekton's hands off a run: it ends when we say so, with no pod.
const managedBy = "countersign.dev/test"

func part1Name(p *history.Plan) string { return fmt.Sprintf("part-1-%05d", p.ID) }

// part1 is a run of part 1 that succeeds, by itself or by our word.
func (l *load) part1(ctx context.Context, p *history.Plan) {
	by := managedBy
	pr := &pipelinev1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: l.w.ns, Name: part1Name(p), Labels: map[string]string{"tekton.dev/pipeline": "part-1-" + p.Gate}},
		Spec: pipelinev1.PipelineRunSpec{
			ManagedBy: &by, PipelineRef: &pipelinev1.PipelineRef{Name: "part-1-" + p.Gate},
			Params: pipelinev1.Params{{Name: "version", Value: *pipelinev1.NewStructuredValues(p.Version)}},
		},
	}
	if p.Request != "" {
		pr.Annotations = map[string]string{"countersign.dev/requester": p.Request}
	}
	end := l.finish
	if p.Real {
		pr.Spec.ManagedBy = nil
		end = l.watchEnd
	}
	err := persist(ctx, func() error {
		err := l.w.Create(ctx, pr.DeepCopy())
		if apierrors.IsAlreadyExists(err) { // by a try whose answer was lost
			err = nil
		}
		return err
	})
	if err == nil {
		err = persist(ctx, func() error { return end(ctx, p) })
	}
	if err != nil {
		l.know(func() { p.Lost = "part 1: " + err.Error() })
		return
	}
	p.Finished = time.Now()
	if p.Failed {
		return
	}
	s, ok := l.opened(ctx, p.Source)
	l.know(func() {
		if p.Approval, p.Visible = s.name, s.at; !ok {
			p.Lost = "no approval was seen"
		}
	})
}

// finish lets a run succeed by our word.
func (l *load) finish(ctx context.Context, p *history.Plan) error {
	var fresh pipelinev1.PipelineRun
	if err := l.w.Get(ctx, types.NamespacedName{Namespace: l.w.ns, Name: part1Name(p)}, &fresh); err != nil {
		return err
	}
	l.know(func() { p.Source = string(fresh.UID) })
	if c := fresh.Status.GetCondition(apis.ConditionSucceeded); c != nil && c.IsTrue() {
		return nil
	}
	now := metav1.Now()
	fresh.Status.SetCondition(&apis.Condition{Type: apis.ConditionSucceeded, Status: corev1.ConditionTrue, Reason: "Succeeded"})
	fresh.Status.StartTime, fresh.Status.CompletionTime = &now, &now
	return l.w.Status().Update(ctx, &fresh)
}

// watchEnd looks whether a real run has ended.
func (l *load) watchEnd(ctx context.Context, p *history.Plan) error {
	var fresh pipelinev1.PipelineRun
	if err := l.w.Get(ctx, types.NamespacedName{Namespace: l.w.ns, Name: part1Name(p)}, &fresh); err != nil {
		return err
	}
	c := fresh.Status.GetCondition(apis.ConditionSucceeded)
	l.know(func() { p.Source, p.Failed = string(fresh.UID), c.IsFalse() })
	if c == nil || c.IsUnknown() {
		return errors.New("it runs")
	}
	return nil
}

func (l *load) deleteRun(ctx context.Context, name string) error {
	pr := &pipelinev1.PipelineRun{ObjectMeta: metav1.ObjectMeta{Namespace: l.w.ns, Name: name}}
	return persist(ctx, func() error { return client.IgnoreNotFound(l.w.Delete(ctx, pr)) })
}
