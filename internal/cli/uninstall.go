package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
)

// What the manifests have for the whole cluster, and what the docs have people make in their
// namespaces, by name. A test compares it with deploy/.
var (
	installedPolicies = []string{
		"countersign-approvals", "countersign-approvals-immutable", "countersign-approvaltasks", "countersign-customruns", "countersign-delegations", "countersign-evidence",
		"countersign-dry-run-only", "countersign-protected", "countersign-protected-settings", "countersign-requester", "countersign-votes",
	}
	installedClusterRoles = []string{
		"countersign", "countersign-admin", "countersign-approvaltask", "countersign-approvaltask-approver", "countersign-approvaltask-view", "countersign-dashboard",
		"countersign-edit", "countersign-manual-approval-gate", "countersign-metrics-reader", "countersign-view",
	}
	installedDefinitions = []string{
		"approvals.countersign.dev", "votes.countersign.dev", "delegations.countersign.dev", "gates.countersign.dev", "gatepolicies.countersign.dev", "evidences.countersign.dev",
	}
	// taskDefinitions may be another system's: only what says that it is Countersign's goes.
	taskDefinitions = []string{"approvaltasks.tekton.automatiko.io", "approvaltasks.openshift-pipelines.org", "approvaltasks.edp.epam.com"}
)

type uninstalling struct {
	dryRun, data, finalizers, triggers, yes bool
	namespace                               string
}

func (c *command) uninstallCommand() *cobra.Command {
	var u uninstalling
	cmd := &cobra.Command{
		Use: "uninstall", Short: "Remove Countersign from the cluster, after showing what would break",
		Long: `Remove Countersign from the cluster, after showing what would break.

It first lists the Triggers that use the interceptor: without it they hold nothing, and their EventListeners answer
each event with an error. Then it lists what is waiting, and what it removes: the service, the finalizers of Approvals
(which would keep namespaces from being deleted), the ClusterInterceptor, the admission policies, and roles, also those in
other namespaces. Gates, Approvals, Secrets and settings stay, unless you give --data.

You need the permissions of a cluster administrator, and you can run the command again.`,
		Example: examples(`
			tkn approval uninstall --dry-run
			tkn approval uninstall --data
			helm uninstall -n countersign countersign && tkn approval uninstall   # what the chart does not own`),
		Args: none, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.uninstall(cmd.Context(), u) },
	}
	f := cmd.Flags()
	f.BoolVar(&u.dryRun, "dry-run", false, "show what would be removed, and change nothing")
	f.BoolVar(&u.data, "data", false, "also remove all Gates, Approvals, votes, keys and settings, permanently")
	f.BoolVar(&u.finalizers, "finalizers", false, "only remove the finalizers of Approvals")
	f.BoolVar(&u.triggers, "ignore-triggers", false, "continue even if Triggers use the interceptor")
	f.BoolVarP(&u.yes, "yes", "y", false, "ask nothing")
	f.StringVar(&u.namespace, "service-namespace", "countersign", "the `namespace` of the service")
	return cmd
}

// removal is one object that goes, or loses a finalizer.
type removal struct {
	object *unstructured.Unstructured
	strip  bool
}

func (r removal) String() string {
	if r.strip {
		return "finalizer of " + called(r.object)
	}
	return called(r.object)
}

func (c *command) uninstall(ctx context.Context, u uninstalling) error {
	s, err := c.connect()
	if err != nil {
		return err
	}
	all, err := s.cluster()
	if err != nil {
		return err
	}
	named, err := all.gates(ctx)
	if err != nil {
		return err
	}
	if !u.finalizers {
		section(c, "Triggers that use the interceptor", "none", named,
			"Remove the interceptor from them, or delete them: without it their EventListeners answer each event with an error.")
	}
	approvals, err := all.list(ctx, schema.GroupKind{Group: v1alpha1.GroupVersion.Group, Kind: "Approval"})
	if err != nil {
		return err
	}
	var pending []string
	for i := range approvals {
		outcome, _, _ := unstructured.NestedString(approvals[i].Object, "status", "outcome")
		if outcome == "" || outcome == "Pending" {
			pending = append(pending, called(&approvals[i]))
		}
	}
	if !u.finalizers {
		section(c, "Approvals that are waiting for a decision", "none", pending, "Nobody can decide them any more; pipelines that wait at an approval task will time out.")
	}
	plan, err := u.plan(ctx, all, approvals)
	if err != nil {
		return err
	}
	section(c, "To remove", "nothing", plan, "")
	if !u.data && !u.finalizers {
		fmt.Fprintf(c.Out, "These stay unless you give --data: the CRDs with all Gates and Approvals, and Secrets, settings and volumes in namespace %s.\n", u.namespace)
	}
	switch {
	case u.dryRun || len(plan) == 0:
		return nil
	case len(named) > 0 && !u.triggers && !u.finalizers:
		return errors.New("Triggers use the interceptor (see above): change them first, or give --ignore-triggers") //nolint:staticcheck // a kind of Tekton's
	case !u.yes && !c.Interactive:
		return errors.New("there is no terminal to confirm at: give --yes to remove what is listed, or --dry-run to only look")
	case !u.yes && !c.yes(fmt.Sprintf("Remove these %d?", len(plan))):
		return errors.New("nothing was removed")
	}
	for _, r := range plan {
		if err := all.remove(ctx, r); err != nil {
			return fmt.Errorf("%s: %w; everything listed before it was removed, and you can run the command again", r, err)
		}
		fmt.Fprintf(c.Out, "removed %s\n", r)
	}
	return nil
}

// section lists things under a heading, and what to know of them.
func section[T any](c *command, title, otherwise string, items []T, note string) {
	if len(items) == 0 {
		fmt.Fprintf(c.Out, "%s: %s\n", title, otherwise)
		return
	}
	fmt.Fprintf(c.Out, "%s: %d\n", title, len(items))
	for _, i := range items {
		fmt.Fprintf(c.Out, "  %s\n", line(fmt.Sprint(i)))
	}
	if note != "" {
		fmt.Fprintf(c.Out, "%s\n", note)
	}
}

// plan returns the objects of an installation that are there, in the order of their removal: the
// service first, so that it makes nothing again, and definitions last, since what has a finalizer
// would keep them.
func (u uninstalling) plan(ctx context.Context, all cluster, approvals []unstructured.Unstructured) ([]removal, error) {
	strip := recorded(approvals)
	if u.finalizers {
		return strip, nil
	}
	p := planned{all: all}
	err := p.add(ctx, deployments, u.namespace, "countersign", "countersign-oauth2-proxy")
	p.removals = append(p.removals, strip...)
	err = errors.Join(err,
		p.add(ctx, interceptors, "", interceptorName),
		p.add(ctx, policyBindings, "", installedPolicies...),
		p.add(ctx, policies, "", installedPolicies...),
	)
	if err != nil {
		return nil, err
	}
	bindings, err := u.bindings(ctx, all)
	if err != nil {
		return nil, err
	}
	p.removals = append(p.removals, bindings...)
	if err := u.planService(ctx, &p); err != nil || !u.data {
		return p.removals, err
	}
	if err := u.planData(ctx, &p); err != nil {
		return nil, err
	}
	return p.removals, nil
}

// recorded are the approvals that are kept until they are in the history: that is to be taken
// from them.
func recorded(approvals []unstructured.Unstructured) []removal {
	var out []removal
	for i := range approvals {
		if slices.Contains(approvals[i].GetFinalizers(), v1alpha1.RecordFinalizer) {
			out = append(out, removal{&approvals[i], true})
		}
	}
	return out
}

// planned collects removals in their order, of objects that are there.
type planned struct {
	all      cluster
	removals []removal
}

func (p *planned) add(ctx context.Context, k schema.GroupKind, namespace string, names ...string) error {
	for _, name := range names {
		o, err := p.all.get(ctx, k, namespace, name)
		if err != nil {
			return err
		}
		if o != nil {
			p.removals = append(p.removals, removal{o, false})
		}
	}
	return nil
}

func groupKind(group, kind string) schema.GroupKind {
	return schema.GroupKind{Group: group, Kind: kind}
}

// planService adds what the service runs by, besides its Deployments.
func (u uninstalling) planService(ctx context.Context, p *planned) error {
	return errors.Join(
		p.add(ctx, clusterRoles, "", installedClusterRoles...),
		p.add(ctx, groupKind("networking.k8s.io", "NetworkPolicy"), u.namespace, "countersign", "countersign-egress"),
		p.add(ctx, groupKind("policy", "PodDisruptionBudget"), u.namespace, "countersign"),
		p.add(ctx, groupKind("networking.k8s.io", "Ingress"), u.namespace, "countersign"),
		p.add(ctx, groupKind("gateway.networking.k8s.io", "HTTPRoute"), u.namespace, "countersign"),
		p.add(ctx, groupKind("route.openshift.io", "Route"), u.namespace, "countersign"),
		p.add(ctx, groupKind("monitoring.coreos.com", "PodMonitor"), u.namespace, "countersign"),
		p.add(ctx, groupKind("monitoring.coreos.com", "ServiceMonitor"), u.namespace, "countersign"),
		p.add(ctx, groupKind("monitoring.coreos.com", "PrometheusRule"), u.namespace, "countersign"),
		p.add(ctx, groupKind("dashboard.tekton.dev", "Extension"), "tekton-pipelines", "countersign-approvals", "countersign-gates"),
		p.add(ctx, groupKind("", "Service"), u.namespace, "countersign", "countersign-oauth2-proxy", "countersign-metrics"),
		p.add(ctx, groupKind("coordination.k8s.io", "Lease"), u.namespace, "countersign"),
		p.add(ctx, groupKind("", "ServiceAccount"), u.namespace, "countersign", "countersign-metrics"),
	)
}

// planData adds the definitions, with all objects of theirs, and what the service has kept.
func (u uninstalling) planData(ctx context.Context, p *planned) error {
	if err := p.add(ctx, definitions, "", installedDefinitions...); err != nil {
		return err
	}
	for _, name := range taskDefinitions {
		o, err := p.all.get(ctx, definitions, "", name)
		if err != nil {
			return err
		}
		if o != nil && (o.GetLabels()["app.kubernetes.io/part-of"] == "countersign" || o.GetLabels()["app.kubernetes.io/managed-by"] == "countersign") {
			p.removals = append(p.removals, removal{o, false})
		}
	}
	// A namespace that somebody else made may have other things in it.
	ns, err := p.all.get(ctx, namespaces, "", u.namespace)
	if err != nil {
		return err
	}
	if ns != nil && ns.GetLabels()["app.kubernetes.io/part-of"] == "countersign" {
		p.removals = append(p.removals, removal{ns, false})
		return nil
	}
	return errors.Join(
		p.add(ctx, secrets, u.namespace, "countersign-keys", "countersign-tls", "countersign-secrets"),
		p.add(ctx, configMaps, u.namespace, "countersign", "countersign-dashboard"),
		p.add(ctx, groupKind("", "PersistentVolumeClaim"), u.namespace, "countersign-record"),
	)
}

// bindings lists the bindings that grant rights to the service, and in people's namespaces the
// roles that were created for it alone.
func (u uninstalling) bindings(ctx context.Context, all cluster) ([]removal, error) {
	var out []removal
	for _, k := range []schema.GroupKind{clusterBindings, roleBindings} {
		list, err := all.list(ctx, k)
		if err != nil {
			return nil, err
		}
		for i := range list {
			b := &list[i]
			subjects, _, _ := unstructured.NestedSlice(b.Object, "subjects")
			if len(subjects) == 0 || slices.ContainsFunc(subjects, func(s any) bool { return !u.isService(s) }) {
				// The Dashboard's is to its own account.
				if k != clusterBindings || b.GetName() != "countersign-dashboard" {
					continue
				}
			}
			out = append(out, removal{b, false})
			kind, _, _ := unstructured.NestedString(b.Object, "roleRef", "kind")
			name, _, _ := unstructured.NestedString(b.Object, "roleRef", "name")
			if kind != roles.Kind || !strings.HasPrefix(name, "countersign") {
				continue // it may be somebody else's too
			}
			role, err := all.get(ctx, roles, b.GetNamespace(), name)
			if err != nil {
				return nil, err
			}
			if role != nil {
				out = append(out, removal{role, false})
			}
		}
	}
	return out, nil
}

func (u uninstalling) isService(subject any) bool {
	s, _ := subject.(map[string]any)
	name, _ := s["name"].(string)
	return s["kind"] == "ServiceAccount" && s["namespace"] == u.namespace && (name == "countersign" || name == "countersign-metrics")
}

// stopWithin is longer than a pod of the service takes to end, and than thousands of objects take to go.
const stopWithin = 2 * time.Minute

// stopped waits until no pod of a Deployment is left: the service would make its ClusterInterceptor
// and its Secrets again.
func (c cluster) stopped(ctx context.Context, d *unstructured.Unstructured) error {
	labels, _, _ := unstructured.NestedStringMap(d.Object, "spec", "selector", "matchLabels")
	return wait.PollUntilContextTimeout(ctx, 500*time.Millisecond, stopWithin, true, func(ctx context.Context) (bool, error) {
		pods, err := c.list(ctx, schema.GroupKind{Kind: "Pod"}, client.InNamespace(d.GetNamespace()), client.MatchingLabels(labels))
		return len(pods) == 0, err
	})
}

// ended waits until a definition is gone with all objects of its kind. One that is applied again before
// that goes all the same, and the service would be installed without it.
func (c cluster) ended(ctx context.Context, o *unstructured.Unstructured) error {
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, stopWithin, true, func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(o), o)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if wait.Interrupted(err) {
		return fmt.Errorf("it is still there after %s, because objects of its kind have finalizers of somebody else: remove these", stopWithin)
	}
	return err
}

// remove does one step. What is not there any more is as it should be.
func (c cluster) remove(ctx context.Context, r removal) error {
	if !r.strip {
		if err := client.IgnoreNotFound(c.Delete(ctx, r.object, client.PropagationPolicy("Background"))); err != nil {
			return err
		}
		switch r.object.GetKind() {
		case deployments.Kind:
			return c.stopped(ctx, r.object)
		case definitions.Kind:
			return c.ended(ctx, r.object)
		}
		return nil
	}
	for {
		o := r.object
		o.SetFinalizers(slices.DeleteFunc(o.GetFinalizers(), func(f string) bool { return f == v1alpha1.RecordFinalizer }))
		err := c.Update(ctx, o)
		if !apierrors.IsConflict(err) {
			return client.IgnoreNotFound(err)
		}
		if err := c.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return client.IgnoreNotFound(err)
		}
	}
}
