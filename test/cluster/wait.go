package cluster

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals/keyring"
)

// ApprovalOf waits for the Approval of a run.
func (e *Env) ApprovalOf(pr *pipelinev1.PipelineRun) string {
	e.t.Helper()
	name := ""
	e.Eventually(time.Minute, "the approval of "+pr.Name, func() error {
		for _, a := range e.Approvals() {
			if s := a.Spec.Source.PipelineRun; s != nil && s.UID == string(pr.UID) {
				name = a.Name
				return nil
			}
		}
		return fmt.Errorf("not among %d", len(e.Approvals()))
	})
	return name
}

// Condition waits for a condition of an Approval with that reason and those words.
func (e *Env) Condition(approval, kind, reason, message string) {
	e.t.Helper()
	e.Eventually(time.Minute, kind+" "+reason+" of "+approval, func() error {
		cs := e.Approval(approval).Status.Conditions
		for _, c := range cs {
			if c.Type == kind && c.Reason == reason && strings.Contains(c.Message, message) {
				return nil
			}
		}
		return fmt.Errorf("conditions %+v", cs)
	})
}

// Confirmed waits until the service has seen the run that an Approval started, and
// returns it.
func (e *Env) Confirmed(approval string) *pipelinev1.PipelineRun {
	e.t.Helper()
	var run pipelinev1.PipelineRun
	e.Eventually(2*time.Minute, "the confirmed release of "+approval, func() error {
		a := e.Approval(approval)
		if a.Status.SecondRun == nil {
			return fmt.Errorf("outcome %s, conditions %v", a.Status.Outcome, a.Status.Conditions)
		}
		return e.Get(e.t.Context(), types.NamespacedName{Namespace: e.NS, Name: a.Status.SecondRun.Name}, &run)
	})
	return &run
}

// ParamOf is the text of a run's param, "" without one.
func ParamOf(run pipelinev1.PipelineRun, name string) string {
	for _, p := range run.Spec.Params {
		if p.Name == name {
			return p.Value.StringVal
		}
	}
	return ""
}

// ServicePods are the service's pods that are ready.
func (e *Env) ServicePods() []corev1.Pod {
	e.t.Helper()
	l, err := e.Clientset.CoreV1().Pods(ServiceNamespace).List(e.t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=countersign"})
	must(e.t, err)
	var out []corev1.Pod
	for _, p := range l.Items {
		for _, c := range p.Status.Conditions {
			if p.DeletionTimestamp == nil && c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				out = append(out, p)
			}
		}
	}
	return out
}

// ServiceRing reads the service's keys, as only an administrator can.
func (e *Env) ServiceRing() keyring.Ring {
	e.t.Helper()
	var s corev1.Secret
	must(e.t, e.Get(e.t.Context(), types.NamespacedName{Namespace: ServiceNamespace, Name: "countersign-keys"}, &s))
	var ring keyring.Ring
	for name, v := range s.Data {
		sec, err := strconv.ParseInt(name, 10, 64)
		must(e.t, err)
		ring = append(ring, keyring.Key{Made: time.Unix(sec, 0), Secret: v})
	}
	return ring
}
