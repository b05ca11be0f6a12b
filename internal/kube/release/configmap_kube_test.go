//go:build kube

package release_test

import (
	"context"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/internal/golden"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
	"github.com/countersign-dev/countersign/internal/kube/release"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
	"github.com/countersign-dev/countersign/internal/kube/verifyrun"
	"github.com/countersign-dev/countersign/test/wait"
)

// TestTargetsForReal: with the service's own roles and no others, a target is refused with
// the grant; with the component of that name, it is written and read back.
func TestTargetsForReal(t *testing.T) {
	said := golden.Open(t)
	cfg := kubetest.APIServer(t, "../../../deploy/crd", kubetest.TektonDefinition(t, "pipelinerun"))
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, pipelinev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	connect := func(user string, groups ...string) client.Client {
		config := rest.CopyConfig(cfg)
		config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append(groups, "system:authenticated")}
		c, err := client.New(config, client.Options{Scheme: scheme})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	root, service := connect("root", "system:masters"), connect("system:serviceaccount:countersign:countersign", "system:serviceaccounts")
	create := func(objs ...client.Object) {
		t.Helper()
		for _, o := range objs {
			if err := root.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	}
	ns := &corev1.Namespace{}
	ns.Name = "prod"
	create(ns)
	create(servicetest.Roles(t, "", "../../../deploy/rbac/role.yaml", "../../../deploy/base/accounts.yaml")...)
	for _, o := range kubetest.Objects(t, strings.Replace(polledMap, "%s", "init", 1)+"\n---\n"+strings.NewReplacer("%u", "x", "%s", "status: PipelineRunPending, ").Replace(heldRun)) {
		o.SetUID("")
		create(o)
	}
	var held pipelinev1.PipelineRun
	if err := root.Get(t.Context(), client.ObjectKey{Namespace: "prod", Name: "held"}, &held); err != nil {
		t.Fatal(err)
	}
	for component, target := range map[string]approvals.Target{
		"release-configmap":   {Kind: approvals.TargetConfigMap, Name: "approve-cm", Key: "status"},
		"release-pending-run": {Kind: approvals.TargetPendingRun, Name: "held", UID: string(held.UID), Pipeline: "deploy"},
	} {
		a := targeting(target, approvals.Approved)
		a.UID = component
		targets := &release.Targets{Client: service, Live: service, Approvals: only{a}, ServiceAccount: "countersign:countersign"}
		p := release.ProblemOf(targets.Write(t.Context(), a))
		if p.Reason != "TargetForbidden" {
			t.Errorf("%s: without the role %+v", component, p)
		}
		said.Check(t, "without "+component, p.Message)
		create(servicetest.Roles(t, "prod", "../../../deploy/components/"+component+"/role.yaml")...)
		wait.Eventually(t, time.Minute, component, func() error { return targets.Write(t.Context(), a) }) // RBAC takes a moment to be known
		seen, ok, err := targets.Confirm(t.Context(), a, time.Now())
		if err != nil || !ok {
			t.Fatalf("%s: read back %t, %v", component, ok, err)
		}
		if err := targets.Write(t.Context(), a); err != nil {
			t.Error(component, err)
		}
		t.Log(seen.Effect.What)
	}
	if err := root.Get(t.Context(), client.ObjectKeyFromObject(&held), &held); err != nil || held.Spec.Status != "" || held.Spec.PipelineRef.Name != "deploy" {
		t.Errorf("%v, %+v", err, held.Spec)
	}
	var cm corev1.ConfigMap
	if err := root.Get(t.Context(), client.ObjectKey{Namespace: "prod", Name: "approve-cm"}, &cm); err != nil || cm.Data["status"] != "success" || cm.Annotations[verifyrun.MarkAnnotation] != "a/release-configmap" {
		t.Errorf("%v, %+v %v", err, cm.Data, cm.Annotations)
	}
}

// only is the one Approval that there is.
type only struct{ approvals.Approval }

func (o only) Fresh(context.Context, approvals.Key) (approvals.Approval, error) {
	return o.Approval, nil
}
