package cluster

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

const (
	lookWithin = 20 * time.Second
	lastLines  = 40 // of each log, and of the events
)

// look describes what there is in the namespace, for anyone who reads why a test failed after
// the cluster has gone: the state of each thing, the events, and what the service's
// replicas logged of it.
func (e *Env) look() string {
	ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
	defer cancel()
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "  "+format+"\n", args...) }
	list := func(l client.ObjectList) { // what can't be listed is not there
		if err := e.List(ctx, l, client.InNamespace(e.NS)); err != nil {
			line("%T: %v", l, err)
		}
	}
	ended := func(kind, name string, c *apis.Condition) {
		if c == nil {
			c = &apis.Condition{Reason: "not begun"}
		}
		line("%s %s: %s %s %s", kind, name, c.Status, c.Reason, c.Message)
	}
	var runs pipelinev1.PipelineRunList
	list(&runs)
	for _, r := range runs.Items {
		ended("PipelineRun", r.Name, r.Status.GetCondition(apis.ConditionSucceeded))
	}
	var tasks pipelinev1.TaskRunList
	list(&tasks)
	for _, r := range tasks.Items {
		ended("TaskRun", r.Name, r.Status.GetCondition(apis.ConditionSucceeded))
	}
	var customs pipelinev1beta1.CustomRunList
	list(&customs)
	for _, r := range customs.Items {
		ended("CustomRun", r.Name, r.Status.GetCondition(apis.ConditionSucceeded))
	}
	var approvals v1alpha1.ApprovalList
	list(&approvals)
	for _, a := range approvals.Items {
		line("Approval %s: %s %+v", a.Name, a.Status.Outcome, a.Status.Conditions)
	}
	var pods corev1.PodList
	list(&pods)
	for _, p := range pods.Items {
		line("Pod %s: %s %s", p.Name, p.Status.Phase, waiting(p))
	}
	var events corev1.EventList
	list(&events)
	slices.SortStableFunc(events.Items, func(a, b corev1.Event) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	for _, v := range events.Items[max(0, len(events.Items)-lastLines):] {
		line("event of %s %s: %s %s", v.InvolvedObject.Kind, v.InvolvedObject.Name, v.Reason, v.Message)
	}
	e.logs(ctx, line)
	return b.String()
}

func waiting(p corev1.Pod) string {
	var out []string
	for _, c := range append(p.Status.InitContainerStatuses, p.Status.ContainerStatuses...) {
		if w := c.State.Waiting; w != nil {
			out = append(out, c.Name+" waits: "+w.Reason)
		}
	}
	return strings.Join(out, ", ")
}

// logs are the replicas' last lines that name the namespace.
func (e *Env) logs(ctx context.Context, line func(string, ...any)) {
	pods, err := e.Clientset.CoreV1().Pods(ServiceNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		line("the service's pods: %v", err)
		return
	}
	for _, p := range pods.Items {
		log, err := e.Clientset.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{}).Stream(ctx)
		if err != nil {
			line("log of %s: %v", p.Name, err)
			continue
		}
		var of []string
		for s := bufio.NewScanner(log); s.Scan(); {
			if strings.Contains(s.Text(), e.NS) {
				of = append(of, s.Text())
			}
		}
		_ = log.Close()
		for _, text := range of[max(0, len(of)-lastLines):] {
			line("%s: %s", p.Name, text)
		}
	}
}
