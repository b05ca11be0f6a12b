package cli

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kubeversion "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/internal/kube/identity"
	"github.com/countersign-dev/countersign/internal/version"
)

// What is known to work at least: README.md.
const (
	leastKubernetes = "1.30.0"
	leastPipelines  = "1.0.0"
	leastTriggers   = "0.30.0"
)

const applyAgain = "apply the manifests of your version again: docs/getting-started/install.md"

func (d *doctor) kubernetes(context.Context) error {
	c, err := discovery.NewDiscoveryClientForConfig(d.session.config)
	if err != nil {
		return err
	}
	info, err := c.ServerVersion()
	if err != nil {
		return err
	}
	if v, err := kubeversion.ParseGeneric(info.GitVersion); err == nil && v.LessThan(kubeversion.MustParseGeneric(leastKubernetes)) {
		d.say(levelFailed, "Upgrade the cluster", "%s is older than %s, and Countersign needs the admission policies of that version", info.GitVersion, leastKubernetes)
		return nil
	}
	d.say(levelOK, "", "%s", info.GitVersion)
	return nil
}

// tekton compares the versions that Tekton says of itself.
func (d *doctor) tekton(ctx context.Context) error {
	for _, part := range []struct {
		name, info, least, install string
		kind                       schema.GroupKind
	}{
		{"Pipelines", "pipelines-info", leastPipelines, "https://tekton.dev/docs/installation/pipelines/", schema.GroupKind{Group: "tekton.dev", Kind: "PipelineRun"}},
		{"Triggers", "triggers-info", leastTriggers, "https://tekton.dev/docs/installation/triggers/", listeners},
	} {
		if _, err := d.kind(part.kind); err != nil {
			d.say(levelFailed, "install it: "+part.install, "Tekton %s is not installed", part.name)
			continue
		}
		said := ""
		for _, ns := range []string{"tekton-pipelines", "openshift-pipelines"} {
			if cm, err := d.get(ctx, configMaps, ns, part.info); err == nil && cm != nil {
				said, _, _ = unstructured.NestedString(cm.Object, "data", "version")
			}
		}
		v, err := kubeversion.ParseGeneric(said)
		switch {
		case err != nil: // it is built from source, or in another namespace
			d.say(levelOK, "", "Tekton %s is installed; its version is unknown", part.name)
		case v.LessThan(kubeversion.MustParseGeneric(part.least)):
			d.say(levelWarning, "upgrade it: "+part.install, "Tekton %s is %s; Countersign is not tested with versions older than %s", part.name, said, part.least)
		default:
			d.say(levelOK, "", "Tekton %s %s", part.name, said)
		}
	}
	return nil
}

func (d *doctor) definitions(ctx context.Context) error {
	var lack, broken []string
	versions := map[string]string{}
	for _, name := range installedDefinitions {
		o, err := d.get(ctx, definitions, "", name)
		switch {
		case err != nil:
			return err
		case o == nil:
			lack = append(lack, name)
		case condition(o, "Established")["status"] != "True":
			broken = append(broken, name)
		default:
			versions[name] = o.GetLabels()[versionLabel]
		}
	}
	if len(lack)+len(broken) > 0 {
		d.say(levelFailed, applyAgain, "missing: %s; not established: %s", list(lack), list(broken))
		return nil
	}
	service, err := d.get(ctx, deployments, d.namespace, "countersign")
	if err != nil {
		return err
	}
	if service != nil {
		if others := otherVersions(versions, service.GetLabels()[versionLabel]); len(others) > 0 {
			d.say(levelWarning, applyAgain, "of another version than the service (%s): %s. An Approval with a field that its definition does not know loses it, and can't be decided", service.GetLabels()[versionLabel], list(others))
			return nil
		}
	}
	d.say(levelOK, "", "%d resources of %s", len(installedDefinitions), v1alpha1.GroupVersion)
	return nil
}

// versionLabel is on each object of a release. What was installed from the source has none.
const versionLabel = "app.kubernetes.io/version"

// otherVersions are the definitions that say that they are of another version than the service.
func otherVersions(of map[string]string, service string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if v := of[name]; v != "" && service != "" && v != service {
			out = append(out, name+" ("+v+")")
		}
	}
	return out
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (d *doctor) service(ctx context.Context) error {
	o, err := d.get(ctx, deployments, d.namespace, "countersign")
	if err != nil {
		return err
	}
	if o == nil {
		d.say(levelFailed, "install it, or give its namespace with --service-namespace", "there is no Deployment countersign in namespace %s", d.namespace)
		return nil
	}
	want, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
	ready, _, _ := unstructured.NestedInt64(o.Object, "status", "readyReplicas")
	logs := fmt.Sprintf("kubectl -n %s get pods; kubectl -n %s logs deployment/countersign", d.namespace, d.namespace)
	switch {
	case ready == 0:
		d.say(levelFailed, logs, "no replica is ready: nobody can decide, and events are refused%s", d.waiting(ctx))
	case ready < want:
		d.say(levelWarning, logs, "%d of %d replicas are ready%s", ready, want, d.waiting(ctx))
	case want == 1:
		d.say(levelOK, "", "its one replica is ready")
	default:
		d.say(levelOK, "", "%d replicas are ready", ready)
	}
	return nil
}

// waiting returns the reason that Kubernetes gives for a pod that does not run, as the end of a
// sentence; "" when there is none, or pods can't be listed.
func (d *doctor) waiting(ctx context.Context) string {
	pods, err := d.list(ctx, schema.GroupKind{Kind: "Pod"}, client.InNamespace(d.namespace), client.MatchingLabels{"app.kubernetes.io/name": "countersign"})
	if err != nil {
		return ""
	}
	for i := range pods {
		states, _, _ := unstructured.NestedSlice(pods[i].Object, "status", "containerStatuses")
		for _, s := range states {
			s, _ := s.(map[string]any)
			reason, _, _ := unstructured.NestedString(s, "state", "waiting", "reason")
			message, _, _ := unstructured.NestedString(s, "state", "waiting", "message")
			if reason != "" {
				return fmt.Sprintf(": pod %s waits, %s: %s", pods[i].GetName(), reason, message)
			}
		}
	}
	return ""
}

func (d *doctor) versions(ctx context.Context) error {
	server, err := d.session.serverVersion(ctx)
	if err != nil {
		return err
	}
	if apart := version.Skew(d.version, server); apart != "" {
		d.say(levelWarning, "download that version", "%s", apart)
		return nil
	}
	d.say(levelOK, "", "tkn-approval %s, service %s", d.version, server)
	return nil
}

// interceptor compares the registered interceptor with what the service serves.
func (d *doctor) interceptor(ctx context.Context) error {
	ci, err := d.get(ctx, interceptors, "", interceptorName)
	if err != nil {
		return err
	}
	if ci == nil {
		d.say(levelFailed, "the service creates it when it runs: check its log", "there is no ClusterInterceptor %s: Triggers that name it fail", interceptorName)
		return nil
	}
	ns, _, _ := unstructured.NestedString(ci.Object, "spec", "clientConfig", "service", "namespace")
	if ns != d.namespace {
		d.say(levelFailed, "a cluster can have only one installation: remove the other one, or give its namespace with --service-namespace", "ClusterInterceptor %s points to namespace %q and not to %s", interceptorName, ns, d.namespace)
		return nil
	}
	text, _, _ := unstructured.NestedString(ci.Object, "spec", "clientConfig", "caBundle")
	announced, err := base64.StdEncoding.DecodeString(text)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(announced) {
		d.say(levelFailed, fmt.Sprintf("kubectl -n %s rollout restart deployment/countersign", d.namespace), "ClusterInterceptor %s has no caBundle: EventListeners refuse the service", interceptorName)
		return nil
	}
	secret, err := d.get(ctx, secrets, d.namespace, "countersign-tls")
	if err != nil || secret == nil {
		d.say(levelOK, "", "the ClusterInterceptor has it; Secret countersign-tls was not checked")
		return nil //nolint:nilerr // who may not read Secrets is told by the line above
	}
	text, _, _ = unstructured.NestedString(secret.Object, "data", "tls.crt")
	raw, _ := base64.StdEncoding.DecodeString(text)
	block, _ := pem.Decode(raw)
	if block == nil {
		d.say(levelFailed, "delete the Secret: the service creates another one within a minute", "Secret countersign-tls has no certificate")
		return nil
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err == nil {
		_, err = cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: "countersign." + d.namespace + ".svc", KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	}
	if err != nil {
		d.say(levelFailed, fmt.Sprintf("kubectl -n %s rollout restart deployment/countersign; if it stays, delete Secret countersign-tls", d.namespace), "EventListeners would refuse the certificate: %v", err)
		return nil
	}
	d.say(levelOK, "", "EventListeners trust its certificate, until %s", cert.NotAfter.UTC().Format(time.DateOnly))
	return nil
}

// rights checks the rights without which nothing works. deploy/rbac/role.yaml has all.
func (d *doctor) rights(ctx context.Context) error {
	var lack []string
	for _, r := range []authorizationv1.ResourceAttributes{
		{Group: "countersign.dev", Resource: "approvals", Verb: "create"},
		{Group: "countersign.dev", Resource: "approvals", Verb: "watch"},
		{Group: "countersign.dev", Resource: "approvals", Subresource: "status", Verb: "patch"},
		{Group: "countersign.dev", Resource: "gates", Verb: "watch"},
		{Group: "countersign.dev", Resource: "gatepolicies", Verb: "watch"},
		{Group: "countersign.dev", Resource: "votes", Verb: "watch"},
		{Group: "countersign.dev", Resource: "votes", Subresource: "status", Verb: "patch"},
		{Group: "tekton.dev", Resource: "pipelineruns", Verb: "watch"},
		{Group: "tekton.dev", Resource: "customruns", Verb: "watch"},
		{Group: "tekton.dev", Resource: "customruns", Subresource: "status", Verb: "patch"},
		{Group: "triggers.tekton.dev", Resource: "triggers", Verb: "watch"},
		{Group: "triggers.tekton.dev", Resource: "eventlisteners", Verb: "watch"},
		{Group: "triggers.tekton.dev", Resource: "clusterinterceptors", Name: interceptorName, Verb: "update"},
		{Resource: "services", Verb: "watch"},
		{Group: "authentication.k8s.io", Resource: "tokenreviews", Verb: "create"},
		{Group: "authorization.k8s.io", Resource: "subjectaccessreviews", Verb: "create"},
		{Namespace: d.namespace, Resource: "secrets", Name: "countersign-keys", Verb: "update"},
		{Namespace: d.namespace, Group: "coordination.k8s.io", Resource: "leases", Name: "countersign", Verb: "update"},
	} {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "system:serviceaccount:" + d.namespace + ":countersign", Groups: []string{"system:serviceaccounts", "system:authenticated"}, ResourceAttributes: &r,
		}}
		if err := d.session.client.Create(ctx, review); err != nil {
			return err
		}
		if !review.Status.Allowed {
			what := r.Resource
			if r.Subresource != "" {
				what += "/" + r.Subresource
			}
			if r.Group != "" {
				what += "." + r.Group
			}
			lack = append(lack, r.Verb+" "+what)
		}
	}
	if len(lack) > 0 {
		d.say(levelFailed, applyAgain, "the service may not %s", strings.Join(lack, ", "))
		return nil
	}
	d.say(levelOK, "", "the service has the permissions that it needs")
	return nil
}

func (d *doctor) policies(ctx context.Context) error {
	var lack []string
	for _, name := range identity.BaseGuards() {
		policy, err := d.get(ctx, policies, "", name)
		if err != nil {
			return err
		}
		binding, err := d.get(ctx, policyBindings, "", name)
		if err != nil {
			return err
		}
		denies := false
		if binding != nil {
			actions, _, _ := unstructured.NestedStringSlice(binding.Object, "spec", "validationActions")
			denies = slices.Contains(actions, "Deny")
		}
		if policy == nil || !denies {
			lack = append(lack, name)
		}
	}
	if len(lack) > 0 {
		d.say(levelFailed, applyAgain, "not in force: %s. Without them votes do not count, or the service can do more than it should", strings.Join(lack, ", "))
		return nil
	}
	d.say(levelOK, "", "%d are in force", len(identity.BaseGuards()))
	return nil
}

func condition(o *unstructured.Unstructured, kind string) map[string]any {
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range all {
		if c, _ := c.(map[string]any); c["type"] == kind {
			return c
		}
	}
	return nil
}

func own(kind string) schema.GroupKind {
	return schema.GroupKind{Group: v1alpha1.GroupVersion.Group, Kind: kind}
}

func (d *doctor) gatesReady(ctx context.Context) error {
	all, err := d.list(ctx, own("Gate"))
	if err != nil {
		return err
	}
	bad := 0
	for i := range all {
		for _, x := range []struct{ kind, wrong, level string }{{"Ready", "False", levelFailed}, {"Warning", "True", levelWarning}} {
			c := condition(&all[i], x.kind)
			if c == nil || c["status"] != x.wrong {
				continue
			}
			bad++
			d.say(x.level, fmt.Sprintf("kubectl -n %s edit gate %s", all[i].GetNamespace(), all[i].GetName()), "%s: %v: %v", called(&all[i]), c["reason"], c["message"])
		}
	}
	if bad == 0 {
		d.say(levelOK, "", "%d, and each can be satisfied", len(all))
	}
	return nil
}

// triggersStart finds gated Triggers that would hold nothing, or start nothing.
func (d *doctor) triggersStart(ctx context.Context) error {
	all, err := d.gates(ctx)
	if err != nil {
		return err
	}
	bad := 0
	for _, g := range all {
		ns := g.object.GetNamespace()
		problem := func(format string, args ...any) {
			bad++
			d.say(levelFailed, fmt.Sprintf("kubectl -n %s edit %s/%s", ns, strings.ToLower(g.object.GetKind()), g.object.GetName()), "%s: %s", g, fmt.Sprintf(format, args...))
		}
		switch gate := g.params["gate"].(type) {
		case nil:
			problem("the interceptor has no param gate: nothing is held, and each event is refused")
		case string:
			o, err := d.get(ctx, own("Gate"), ns, gate)
			if err != nil {
				return err
			}
			if o == nil {
				problem("there is no Gate %s in namespace %s", gate, ns)
			}
		}
		if g.template != "" {
			o, err := d.get(ctx, templates, ns, g.template)
			if err != nil {
				return err
			}
			if o == nil {
				problem("there is no TriggerTemplate %s: an approval would start nothing", g.template)
			}
		}
	}
	if len(all) > 0 {
		listening, err := d.list(ctx, listeners)
		if err != nil {
			return err
		}
		if len(listening) == 0 {
			bad++
			d.say(levelFailed, "make an EventListener that selects them: docs/getting-started/first-approval.md", "there are gated Triggers, but no EventListener in the cluster")
		}
		for i := range listening {
			if c := condition(&listening[i], "Ready"); c != nil && c["status"] == "False" {
				bad++
				d.say(levelWarning, "kubectl describe "+called(&listening[i]), "%s is not ready: %v", called(&listening[i]), c["message"])
			}
		}
	}
	if bad == 0 {
		d.say(levelOK, "", "%d are gated, and their Gates exist", len(all))
	}
	return nil
}

// approvalsGoOn counts those with a problem, by reason, and names one of each.
func (d *doctor) approvalsGoOn(ctx context.Context) error {
	all, err := d.list(ctx, own("Approval"))
	if err != nil {
		return err
	}
	type problem struct {
		n           int
		first, says string
	}
	found, pending := map[string]*problem{}, 0
	for i := range all {
		if outcome, _, _ := unstructured.NestedString(all[i].Object, "status", "outcome"); outcome == "" || outcome == "Pending" {
			pending++
		}
		for _, kind := range []string{"Ready", "Released", "Notified"} {
			c := condition(&all[i], kind)
			if c == nil || c["status"] != "False" {
				continue
			}
			key := fmt.Sprintf("%s=False, %v", kind, c["reason"])
			if found[key] == nil {
				found[key] = &problem{first: called(&all[i]), says: fmt.Sprint(c["message"])}
			}
			found[key].n++
		}
	}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		p := found[key]
		d.say(levelWarning, "docs/reference/resources.md#conditions", "%s of %d, such as %s: %s", key, p.n, p.first, p.says)
	}
	if len(found) == 0 {
		d.say(levelOK, "", "%[2]d, of which %[1]d are waiting for a decision; none has a problem", pending, len(all))
	}
	return nil
}
