//go:build chaos

package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/cluster"
)

// oldName is of the pod that runs an older version, and of its configuration.
const oldName = "countersign-old"

// versionFaults run two versions of the service beside each other, as an upgrade that goes
// slowly does.
func (i *injector) versionFaults() map[string]fault {
	if i.old == "" {
		return nil
	}
	return map[string]fault{"two-versions": i.twoVersions}
}

// twoVersions has one replica of each version, and each of them lead for a while.
func (i *injector) twoVersions(ctx context.Context) (did string, err error) {
	mend, err := i.undo.broken("two versions", fmt.Sprintf(`kubectl -n %[1]s scale deployment/countersign --replicas=2 --request-timeout=10s
kubectl -n %[1]s delete pod/%[2]s configmap/%[2]s --ignore-not-found --wait=false --request-timeout=10s`, cluster.ServiceNamespace, oldName))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, mend(ctx), i.whole(ctx)) }()
	if err := i.startOld(ctx); err != nil {
		return "", err
	}
	began := i.v.leaderName()
	if err := i.scale(ctx, 1); err != nil {
		return "", err
	}
	wait(ctx, i.seconds(8, 14))
	// It leads for sure when it is alone for a moment; anyone who ends gives the lease up.
	if err := i.scale(ctx, 0); err != nil {
		return "", err
	}
	if err := persistFor(ctx, 30*time.Second, func(context.Context) error {
		if leader := i.v.leaderName(); leader != oldName {
			return fmt.Errorf("%q leads, and only %s is there", leader, oldName)
		}
		return nil
	}); err != nil {
		return "", err
	}
	if err := i.scale(ctx, 1); err != nil {
		return "", err
	}
	wait(ctx, i.seconds(8, 14))
	return fmt.Sprintf("%s beside this one; %s led first, then the older one, for some time beside this one too", i.old, began), nil
}

func (i *injector) scale(ctx context.Context, replicas int) error {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: cluster.ServiceNamespace, Name: "countersign"}}
	return persistFor(ctx, 30*time.Second, func(ctx context.Context) error {
		return i.k.Patch(ctx, d, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)))
	})
}

// startOld starts a pod of the older version, as the Deployment would have made it.
func (i *injector) startOld(ctx context.Context) error {
	var d appsv1.Deployment
	if err := i.k.Get(ctx, types.NamespacedName{Namespace: cluster.ServiceNamespace, Name: "countersign"}, &d); err != nil {
		return err
	}
	text := cluster.LeanConfig()
	if i.store != nil {
		text += storeConfig
	}
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: cluster.ServiceNamespace, Name: oldName}, Data: map[string]string{"config.yaml": text}}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: cluster.ServiceNamespace, Name: oldName, Labels: d.Spec.Template.Labels, Annotations: d.Spec.Template.Annotations},
		Spec:       *d.Spec.Template.Spec.DeepCopy(),
	}
	pod.Spec.Containers[0].Image, pod.Spec.Containers[0].ImagePullPolicy = i.old, corev1.PullNever
	for n := range pod.Spec.Volumes {
		if v := &pod.Spec.Volumes[n]; v.Name == "config" {
			v.VolumeSource = corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: oldName}}}
		}
	}
	for _, o := range []client.Object{config, pod} {
		if err := i.k.Create(ctx, o); err != nil {
			return err
		}
	}
	return persistFor(ctx, time.Minute, func(ctx context.Context) error {
		var p corev1.Pod
		if err := i.k.Get(ctx, client.ObjectKeyFromObject(pod), &p); err != nil {
			return err
		}
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
				return nil
			}
		}
		said, _ := json.Marshal(p.Status.ContainerStatuses)
		return fmt.Errorf("pod %s is not ready: %s", oldName, said)
	})
}

// whole waits until the Deployment is there, and the older version is gone.
func (i *injector) whole(ctx context.Context) error {
	return persistFor(ctx, time.Minute, func(ctx context.Context) error {
		var d appsv1.Deployment
		if err := i.k.Get(ctx, types.NamespacedName{Namespace: cluster.ServiceNamespace, Name: "countersign"}, &d); err != nil {
			return err
		}
		if d.Status.AvailableReplicas < 2 {
			return fmt.Errorf("%d replicas are available, want 2", d.Status.AvailableReplicas)
		}
		err := i.k.Get(ctx, types.NamespacedName{Namespace: cluster.ServiceNamespace, Name: oldName}, &corev1.Pod{})
		if err == nil {
			return fmt.Errorf("pod %s is still going", oldName)
		}
		return client.IgnoreNotFound(err)
	})
}

// persistFor does f until it succeeds, or for so long.
func persistFor(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return persist(ctx, func() error { return f(ctx) })
}
