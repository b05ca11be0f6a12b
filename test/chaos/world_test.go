//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/test/chaos/history"
	"github.com/countersign-dev/countersign/test/cluster"
)

// world is a namespace with Gates, gated Triggers and their EventListeners.
type world struct {
	*kube
	ns        string
	url       string            // of the service's pages and API
	tokens    map[string]string // by short name
	listeners map[string]string // EventListener's address by Trigger
}

// listeners are Triggers by EventListener. Held events reach every Trigger of one, so those
// that hold them stand alone.
var listeners = map[string][]string{
	"runs": {"single", "four"}, "more": {"quorum", "rules", "probe"}, "time": {"short", "shortall", "auto"}, "push": {"push"}, "pushfour": {"pushfour"},
}

// name is the user name of one that is called short.
func (w *world) name(short string) string { return history.User(w.ns, short) }

func (w *world) users(who []string) string {
	var out []string
	for _, p := range who {
		name := w.name(p)
		if p == "nobody" {
			name = p
		}
		out = append(out, fmt.Sprintf(`{name: "%s"}`, name))
	}
	return strings.Join(out, ", ")
}

func (w *world) gateYAML(name string, g history.Gate) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: countersign.dev/v1alpha1\nkind: Gate\nmetadata: {name: %s}\nspec:\n  expiresAfter: %s\n  releaseOn: [%s]\n", name, g.Life, strings.Join(g.Release, ", "))
	if g.OnExpiry != "" {
		fmt.Fprintf(&b, "  onExpiry: %s\n", g.OnExpiry)
	}
	if len(g.Rules) > 0 {
		b.WriteString("  rules:\n")
		for i, r := range g.Rules {
			fmt.Fprintf(&b, "    - {name: rule-%d, required: %d, users: [%s]}\n", i, r.Need, w.users(r.Who))
		}
		return b.String()
	}
	strategy := map[int]string{1: "SINGLE", 2: "FOUR_EYES"}[g.Need]
	if strategy == "" {
		strategy = fmt.Sprintf("QUORUM\n  required: %d", g.Need)
	}
	fmt.Fprintf(&b, "  strategy: %s\n  approvers: {users: [%s]}\n", strategy, w.users(g.Who))
	return b.String()
}

// build makes the world. It returns what there is of it with an error too, to be destroyed.
func build(ctx context.Context, k *kube, ns string) (*world, error) {
	w := &world{kube: k, ns: ns, tokens: map[string]string{}, listeners: map[string]string{}}
	if err := k.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}); err != nil {
		return w, err
	}
	// Without it Tekton fails a run for good, and it comes a moment after the namespace.
	if err := persist(ctx, func() error {
		return k.Get(ctx, types.NamespacedName{Namespace: ns, Name: "default"}, &corev1.ServiceAccount{})
	}); err != nil {
		return w, err
	}
	var err error
	for _, r := range append([]string{"eve", "op", "probe", "metrics"}, history.Robots...) {
		if w.tokens[r], err = k.token(ctx, ns, r); err != nil {
			return w, err
		}
	}
	text := []string{templateYAML}
	for _, name := range slices.Sorted(maps.Keys(history.Gates)) {
		text = append(text, w.gateYAML(name, history.Gates[name]), fmt.Sprintf(triggerYAML, name, fmt.Sprintf(runLine, name), "none"))
	}
	for _, name := range []string{"push", "pushfour"} {
		text = append(text, fmt.Sprintf(triggerYAML, name, fmt.Sprintf(pushLine, history.GateOf(name)), "$(extensions.extra)"))
	}
	for el, triggers := range listeners {
		text = append(text, cluster.Listener(el, "{triggerRef: "+strings.Join(triggers, "}, {triggerRef: ")+"}"))
	}
	if err := k.apply(ctx, ns, strings.Join(text, "\n---\n")); err != nil {
		return w, err
	}
	var svc corev1.Service
	if err := k.Get(ctx, types.NamespacedName{Namespace: cluster.ServiceNamespace, Name: "countersign"}, &svc); err != nil {
		return w, err
	}
	w.url = "http://" + svc.Spec.ClusterIP
	for el, triggers := range listeners {
		url, err := w.listenerURL(ctx, el)
		if err != nil {
			return w, err
		}
		for _, t := range triggers {
			w.listeners[t] = url
		}
	}
	return w, nil
}

func (w *world) listenerURL(ctx context.Context, el string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	url := ""
	err := persist(ctx, func() error {
		var d appsv1.Deployment
		if err := w.Get(ctx, types.NamespacedName{Namespace: w.ns, Name: "el-" + el}, &d); err != nil {
			return err
		}
		if d.Status.AvailableReplicas == 0 {
			return fmt.Errorf("EventListener %s: no replica is available", el)
		}
		var s corev1.Service
		if err := w.Get(ctx, types.NamespacedName{Namespace: w.ns, Name: "el-" + el}, &s); err != nil {
			return err
		}
		url = fmt.Sprintf("http://%s:8080", s.Spec.ClusterIP)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/live", nil)
		if err != nil {
			return err
		}
		resp, err := web.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("EventListener %s: %s", el, resp.Status)
		}
		return nil
	})
	return url, err
}

// destroy removes the namespace and what of the world is not in it.
func (w *world) destroy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, name := range []string{"listener-" + w.ns, "metrics-" + w.ns} {
		_ = w.clientset.RbacV1().ClusterRoleBindings().Delete(ctx, name, metav1.DeleteOptions{})
	}
	if err := w.clientset.CoreV1().Namespaces().Delete(ctx, w.ns, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		say("namespace %s stays: %v", w.ns, err)
	}
}
