package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

const (
	namespace        = "countersign-demo"
	serviceNamespace = "countersign"
	stateTask        = "terraform-state"
)

// cluster is the cluster of the current kubeconfig.
type cluster struct {
	*pods
	client client.Client
}

func connect() (*cluster, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("no cluster: %w", err)
	}
	config.QPS, config.Burst = 50, 100
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), pipelinev1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	config.Timeout = 15 * time.Second
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("no cluster: %w", err)
	}
	k, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("no cluster: %w", err)
	}
	return &cluster{pods: &pods{config: config, kube: k}, client: c}, nil
}

// notReady lists what is not there yet: Deployments of the demo and of the service
// in their newest form, and terraform's first state.
func (c *cluster) notReady(ctx context.Context) ([]string, error) {
	var missing []string
	want := map[string][]string{
		serviceNamespace: {"countersign"},
		namespace:        {"git", "mail", "el-terraform-push", "el-terraform-curl", "el-terraform-apply"},
	}
	for _, ns := range []string{serviceNamespace, namespace} {
		var list appsv1.DeploymentList
		if err := c.client.List(ctx, &list, client.InNamespace(ns)); err != nil {
			return nil, err
		}
		for _, name := range want[ns] {
			i := slices.IndexFunc(list.Items, func(d appsv1.Deployment) bool { return d.Name == name })
			if i < 0 || !rolledOut(&list.Items[i]) {
				missing = append(missing, name)
			}
		}
	}
	var state pipelinev1.TaskRun
	if err := c.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: stateTask}, &state); err != nil {
		return nil, err
	}
	switch {
	case !state.IsDone():
		missing = append(missing, stateTask)
	case !state.IsSuccessful():
		return nil, final("TaskRun %s failed; check its log and delete it, and the demo creates it again: kubectl -n %s logs %s", stateTask, namespace, state.Status.PodName)
	}
	return missing, nil
}

func rolledOut(d *appsv1.Deployment) bool {
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	s := d.Status
	return s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == want && s.Replicas == want && s.AvailableReplicas == want
}

// runOfEvent is the run that an EventListener started for an event, nil when it is
// not there yet.
func (c *cluster) runOfEvent(ctx context.Context, eventID string) (*pipelinev1.PipelineRun, error) {
	var list pipelinev1.PipelineRunList
	err := c.client.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{"triggers.tekton.dev/triggers-eventid": eventID})
	if err != nil || len(list.Items) == 0 {
		return nil, err
	}
	return &list.Items[0], nil
}

func (c *cluster) run(ctx context.Context, name string) (*pipelinev1.PipelineRun, error) {
	var pr pipelinev1.PipelineRun
	err := c.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &pr)
	return &pr, err
}

// approvalAfter is the Approval of a run, nil when it is not open yet.
func (c *cluster) approvalAfter(ctx context.Context, pr *pipelinev1.PipelineRun) (*v1alpha1.Approval, error) {
	var list v1alpha1.ApprovalList
	if err := c.client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	for i, a := range list.Items {
		if r := a.Spec.Source.PipelineRun; r != nil && r.UID == string(pr.UID) {
			return &list.Items[i], nil
		}
	}
	return nil, nil
}

func (c *cluster) approval(ctx context.Context, name string) (*v1alpha1.Approval, error) {
	var a v1alpha1.Approval
	err := c.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &a)
	return &a, err
}

// problem returns the condition that prevents an Approval's progress.
func problem(a *v1alpha1.Approval) string {
	for _, c := range a.Status.Conditions {
		if c.Status == "False" && c.Reason != "Pending" && c.Message != "" {
			return c.Reason + ": " + c.Message
		}
	}
	return ""
}

// sent reports whether the service has sent a mail to a recipient, wherever to.
func sent(a *v1alpha1.Approval, recipient string) bool {
	return slices.ContainsFunc(a.Status.Notifications, func(n v1alpha1.Notification) bool { return n.Recipient == recipient && n.SentAt != nil })
}

// progress says how far the tasks of a run are, such as "plan: clone done, plan
// running".
func (c *cluster) progress(ctx context.Context, run string) (string, error) {
	list, err := c.tasks(ctx, run)
	if err != nil {
		return "", err
	}
	var parts []string
	for _, tr := range list {
		state := "starting"
		for _, s := range tr.Status.Steps {
			switch {
			case s.Running != nil:
				state = "step " + s.Name
			case s.Terminated != nil && tr.IsDone():
				state = "done"
			}
		}
		parts = append(parts, tr.Labels["tekton.dev/pipelineTask"]+": "+state)
	}
	return strings.Join(parts, ", "), nil
}

func (c *cluster) tasks(ctx context.Context, run string) ([]pipelinev1.TaskRun, error) {
	var list pipelinev1.TaskRunList
	err := c.client.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{"tekton.dev/pipelineRun": run})
	return list.Items, err
}

// logs returns the output of the steps of a run's tasks.
func (c *cluster) logs(ctx context.Context, run string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	tasks, err := c.tasks(ctx, run)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, tr := range tasks {
		for _, s := range tr.Status.Steps {
			stream, err := c.kube.CoreV1().Pods(namespace).GetLogs(tr.Status.PodName, &corev1.PodLogOptions{Container: s.Container}).Stream(ctx)
			if err != nil {
				return "", fmt.Errorf("log of %s: %w", tr.Name, err)
			}
			_, err = io.Copy(&out, io.LimitReader(stream, 1<<20))
			if err := errors.Join(err, stream.Close()); err != nil {
				return "", fmt.Errorf("log of %s: %w", tr.Name, err)
			}
		}
	}
	return out.String(), nil
}

func ended(pr *pipelinev1.PipelineRun) (done, well bool) {
	cond := pr.Status.GetCondition(apis.ConditionSucceeded)
	return cond != nil && !cond.IsUnknown(), cond.IsTrue()
}
