//go:build kube

package openshift_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/kube/kubetest"
)

const component = "../../../deploy/components/manual-approval-gate/"

// world is a real API server with our resources, the component's policy and its
// roles.
type world struct {
	env    *envtest.Environment
	cfg    *rest.Config
	scheme *runtime.Scheme
	// service is Countersign, with the rights of the component's own role.
	service client.Client
	admin   client.Client
}

var w = world{env: &envtest.Environment{CRDDirectoryPaths: []string{"../../../deploy/crd", component + "crd"}, ErrorIfCRDPathMissing: true}}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	defer func() {
		if err := w.env.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the API server:", err)
		}
	}()
	if err := w.start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "start the API server (KUBEBUILDER_ASSETS):", err)
		return 1
	}
	return m.Run()
}

func (w *world) start(ctx context.Context) error {
	var err error
	if w.cfg, err = w.env.Start(); err != nil {
		return err
	}
	w.scheme = runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, openshiftv1.AddToScheme} {
		if err := add(w.scheme); err != nil {
			return err
		}
	}
	if w.admin, err = client.New(w.cfg, client.Options{Scheme: w.scheme}); err != nil {
		return err
	}
	for _, file := range []string{component + "rbac/role.yaml", component + "accounts.yaml", component + "admission.yaml", "../../../deploy/rbac/role.yaml", "../../../deploy/base/accounts.yaml"} {
		if err := kubetest.Apply(ctx, w.admin, file); err != nil {
			return err
		}
	}
	if w.service, err = w.as("system:serviceaccount:countersign:countersign"); err != nil {
		return err
	}
	// So that in the tests it is the policy that says no, where RBAC is not the point.
	almighty := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "almighty"}, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{openshiftv1.GroupVersion.Group}, Resources: []string{"approvaltasks", "approvaltasks/status", "approvaltasks/finalizers"}, Verbs: []string{"*"},
	}}}
	if err := w.admin.Create(ctx, almighty); err != nil {
		return err
	}
	if err := w.grant(ctx, "almighty", "Group", "almighty"); err != nil {
		return err
	}
	return w.enforced(ctx)
}

// enforced waits until the API server holds people to the policy.
func (w *world) enforced(ctx context.Context) error {
	mallory, err := w.as("mallory", "almighty")
	if err != nil {
		return err
	}
	for range 300 {
		o := task("default")
		o.GenerateName, o.Name = "probe-", ""
		if err = mallory.Create(ctx, o, client.DryRunAll); apierrors.IsInvalid(err) || err != nil && strings.Contains(err.Error(), "countersign-approvaltasks") {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.Join(errors.New("the policy is not enforced"), err)
}

// as is a client that acts as name.
func (w *world) as(name string, groups ...string) (client.Client, error) {
	cfg := rest.CopyConfig(w.cfg)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: groups}
	return client.New(cfg, client.Options{Scheme: w.scheme})
}

func (w *world) grant(ctx context.Context, role, kind, name string) error {
	return w.admin.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "b-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}},
	})
}

// namespace makes one of the test's own.
func (w *world) namespace(t *testing.T) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "t-"}}
	if err := w.admin.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	return ns.Name
}

// task is what Countersign has made: alice and carol, and the groups dev, where bob
// has approved, and sec.
func task(namespace string) *openshiftv1.ApprovalTask {
	return &openshiftv1.ApprovalTask{
		ObjectMeta: metav1.ObjectMeta{
			Name: "deploy-approval", Namespace: namespace,
			Labels:      map[string]string{"tekton.dev/customRun": "deploy-approval", "tekton.dev/pipelineRun": "deploy"},
			Annotations: map[string]string{"countersign.dev/approval": "deploy-approval-x", "countersign.dev/approval-uid": "u"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "tekton.dev/v1beta1", Kind: "CustomRun", Name: "deploy-approval", UID: "run", Controller: new(true),
			}},
		},
		Spec: openshiftv1.ApprovalTaskSpec{
			NumberOfApprovalsRequired: 2, Description: "ship it",
			Approvers: []openshiftv1.Approver{
				{Name: "alice", Type: openshiftv1.User, Input: openshiftv1.InputPending},
				{Name: "dev", Type: openshiftv1.Group, Input: openshiftv1.InputApprove, Message: "fine", Users: []openshiftv1.Member{
					{Name: "bob", Input: openshiftv1.InputApprove, Message: "fine"},
				}},
				{Name: "carol", Type: openshiftv1.User, Input: openshiftv1.InputPending},
				{Name: "sec", Type: openshiftv1.Group, Input: openshiftv1.InputPending},
			},
		},
	}
}

// stands makes it, as Countersign does, and says how it stands.
func (w *world) stands(t *testing.T, o *openshiftv1.ApprovalTask, state openshiftv1.State) *openshiftv1.ApprovalTask {
	t.Helper()
	if err := w.service.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	patch := fmt.Sprintf(`{"status":{"state":%q,"approvers":["alice","dev","carol","sec"],"approvalsRequired":2,"approvalsReceived":1}}`, state)
	if err := w.service.Status().Patch(t.Context(), o, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		t.Fatal(err)
	}
	return o
}
