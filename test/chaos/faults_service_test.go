//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/test/cluster"
)

// servicesSecret has the service's keys, by the second in which each was made.
const servicesSecret = "countersign-keys"

// serviceFaults returns what operators and Tekton do: rollouts, new keys, pods that go; and signed
// events that somebody posts again.
func (i *injector) serviceFaults() map[string]fault {
	tekton := func(component string) fault {
		return func(ctx context.Context) (string, error) {
			return i.deleteBy(ctx, "tekton-pipelines", "app.kubernetes.io/component="+component)
		}
	}
	return map[string]fault{
		"eventlistener-delete": i.deleteListeners,
		"core-interceptors":    tekton("interceptors"),
		"tekton-controller":    tekton("controller"),
		"tekton-webhook":       tekton("webhook"),
		"rollout":              i.rollout,
		"rollout-in-burst": func(ctx context.Context) (string, error) {
			go i.l.burst(ctx, 12)
			return i.rollout(ctx)
		},
		"key-rotation": i.rotate,
		"replay-burst": i.replay,
	}
}

func (i *injector) deleteBy(ctx context.Context, ns, selector string) (string, error) {
	once, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var pods *corev1.PodList
	if err := persist(once, func() (err error) {
		pods, err = i.k.clientset.CoreV1().Pods(ns).List(once, metav1.ListOptions{LabelSelector: selector})
		return err
	}); err != nil {
		return "", err
	}
	var names []string
	for _, p := range pods.Items {
		if err := i.deletePod(ctx, ns, p.Name); err != nil {
			return "", err
		}
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return "", fmt.Errorf("no pod in namespace %s is %s", ns, selector)
	}
	return strings.Join(names, ", "), nil
}

func (i *injector) deleteListeners(ctx context.Context) (string, error) {
	names := slices.Sorted(maps.Keys(listeners))
	n := 1 + i.rng.IntN(len(names))
	i.rng.Shuffle(len(names), func(a, b int) { names[a], names[b] = names[b], names[a] })
	var did []string
	for _, el := range names[:n] {
		d, err := i.deleteBy(ctx, i.l.w.ns, "eventlistener="+el)
		if err != nil {
			return "", err
		}
		did = append(did, d)
	}
	return strings.Join(did, ", "), nil
}

func (i *injector) rollout(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	patch := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339Nano))
	var generation int64
	if err := persist(ctx, func() error {
		d, err := i.k.clientset.AppsV1().Deployments(cluster.ServiceNamespace).Patch(ctx, "countersign", types.StrategicMergePatchType, patch, metav1.PatchOptions{})
		if err == nil {
			generation = d.Generation
		}
		return err
	}); err != nil {
		return "", err
	}
	start := time.Now()
	err := persist(ctx, func() error {
		var d appsv1.Deployment
		if err := i.k.Get(ctx, types.NamespacedName{Namespace: cluster.ServiceNamespace, Name: "countersign"}, &d); err != nil {
			return err
		}
		s := d.Status
		if s.ObservedGeneration < generation || s.UpdatedReplicas != *d.Spec.Replicas || s.AvailableReplicas != *d.Spec.Replicas || s.Replicas != *d.Spec.Replicas {
			return fmt.Errorf("not yet: %+v", s)
		}
		return nil
	})
	return fmt.Sprintf("done after %.1f s", time.Since(start).Seconds()), err
}

// rotate ages the newest key by a month, so that the service makes a new one. Older ones
// are left alone: one that is older than all of its time is voided, and with it what it
// has signed.
func (i *injector) rotate(ctx context.Context) (string, error) {
	var s corev1.Secret
	if err := i.k.Get(ctx, types.NamespacedName{Namespace: cluster.ServiceNamespace, Name: servicesSecret}, &s); err != nil {
		return "", err
	}
	newest := int64(0)
	for name := range s.Data {
		if n, err := strconv.ParseInt(name, 10, 64); err == nil {
			newest = max(newest, n)
		}
	}
	aged := time.Now().Add(-31 * 24 * time.Hour).Unix()
	for s.Data[strconv.FormatInt(aged, 10)] != nil {
		aged++
	}
	if newest <= aged {
		return "a rotation is due already", nil
	}
	s.Data[strconv.FormatInt(aged, 10)] = s.Data[strconv.FormatInt(newest, 10)]
	delete(s.Data, strconv.FormatInt(newest, 10))
	return fmt.Sprintf("key %d is now %d, of %d", newest, aged, len(s.Data)), i.k.Update(ctx, &s)
}
