package cli

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Kinds that doctor and uninstall look at beside Countersign's own. They take whatever version
// is served, and not what this program was compiled with.
var (
	deployments     = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	interceptors    = schema.GroupKind{Group: "triggers.tekton.dev", Kind: "ClusterInterceptor"}
	triggers        = schema.GroupKind{Group: "triggers.tekton.dev", Kind: "Trigger"}
	listeners       = schema.GroupKind{Group: "triggers.tekton.dev", Kind: "EventListener"}
	templates       = schema.GroupKind{Group: "triggers.tekton.dev", Kind: "TriggerTemplate"}
	policies        = schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicy"}
	policyBindings  = schema.GroupKind{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicyBinding"}
	clusterRoles    = schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}
	clusterBindings = schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}
	roles           = schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "Role"}
	roleBindings    = schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}
	definitions     = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
	configMaps      = schema.GroupKind{Kind: "ConfigMap"}
	secrets         = schema.GroupKind{Kind: "Secret"}
	namespaces      = schema.GroupKind{Kind: "Namespace"}
)

// cluster reads and deletes objects of any kind. It asks the API server what it serves.
type cluster struct{ client.Client }

func (s *session) cluster() (cluster, error) {
	c, err := client.New(s.config, client.Options{})
	return cluster{c}, err
}

// kind is an empty object, of the version that is served. A kind that is not served is not found.
func (c cluster) kind(k schema.GroupKind) (*unstructured.Unstructured, error) {
	m, err := c.RESTMapper().RESTMapping(k)
	if meta.IsNoMatchError(err) {
		return nil, apierrors.NewNotFound(schema.GroupResource{Group: k.Group, Resource: k.Kind}, "")
	}
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(m.GroupVersionKind)
	return u, nil
}

// get is an object; nil when there is none, or no such kind.
func (c cluster) get(ctx context.Context, k schema.GroupKind, namespace, name string) (*unstructured.Unstructured, error) {
	u, err := c.kind(k)
	if err == nil {
		err = c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, u)
	}
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return u, err
}

// list is all objects of a kind, none when it is not served.
func (c cluster) list(ctx context.Context, k schema.GroupKind, opts ...client.ListOption) ([]unstructured.Unstructured, error) {
	u, err := c.kind(k)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var l unstructured.UnstructuredList
	gvk := u.GroupVersionKind()
	gvk.Kind += "List"
	l.SetGroupVersionKind(gvk)
	if err := c.List(ctx, &l, opts...); err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	return l.Items, nil
}

// called is an object as kubectl names it.
func called(u *unstructured.Unstructured) string {
	name := strings.ToLower(u.GetKind()) + "/" + u.GetName()
	if ns := u.GetNamespace(); ns != "" {
		return fmt.Sprintf("%s -n %s", name, ns)
	}
	return name
}

// gated is a Trigger that names the interceptor, or a part of an EventListener that does.
type gated struct {
	object   *unstructured.Unstructured
	part     string         // of an EventListener: which of its triggers or groups
	params   map[string]any // of the interceptor
	template string         // the name of its TriggerTemplate; "": it has none of that kind
}

func (g gated) String() string {
	if g.part == "" {
		return called(g.object)
	}
	return called(g.object) + ", " + g.part
}

// gates returns all that name the interceptor, wherever Tekton lets people do that.
func (c cluster) gates(ctx context.Context) ([]gated, error) {
	var out []gated
	all, err := c.list(ctx, triggers)
	if err != nil {
		return nil, err
	}
	for i := range all {
		spec, _, _ := unstructured.NestedMap(all[i].Object, "spec")
		out = append(out, gatedIn(&all[i], "", spec)...)
	}
	if all, err = c.list(ctx, listeners); err != nil {
		return nil, err
	}
	for i := range all {
		for _, x := range []struct{ field, what string }{{"triggers", "trigger"}, {"triggerGroups", "trigger group"}} {
			parts, _, _ := unstructured.NestedSlice(all[i].Object, "spec", x.field)
			for n, p := range parts {
				part, _ := p.(map[string]any)
				name, _ := part["name"].(string)
				if name == "" {
					name = fmt.Sprint(n + 1)
				}
				out = append(out, gatedIn(&all[i], x.what+" "+name, part)...)
			}
		}
	}
	return out, nil
}

func gatedIn(u *unstructured.Unstructured, part string, spec map[string]any) []gated {
	list, _, _ := unstructured.NestedSlice(spec, "interceptors")
	for _, x := range list {
		i, _ := x.(map[string]any)
		name, _, _ := unstructured.NestedString(i, "ref", "name")
		kind, _, _ := unstructured.NestedString(i, "ref", "kind")
		if name != interceptorName || (kind != "" && kind != interceptors.Kind) {
			continue
		}
		g := gated{object: u, part: part, params: map[string]any{}}
		params, _, _ := unstructured.NestedSlice(i, "params")
		for _, p := range params {
			if p, ok := p.(map[string]any); ok {
				if name, ok := p["name"].(string); ok {
					g.params[name] = p["value"]
				}
			}
		}
		g.template, _, _ = unstructured.NestedString(spec, "template", "ref")
		return []gated{g}
	}
	return nil
}
