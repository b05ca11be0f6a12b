//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/chaos/history"
	"github.com/countersign-dev/countersign/test/cluster"
)

// replica is one pod of the service, as last seen.
type replica struct {
	name, ip string
	ready    bool
	going    bool
	restarts int32
}

// replicaView knows the service's replicas and who leads, as of a moment ago, and keeps
// what they print and how much they carry.
type replicaView struct {
	k     *kube
	o     *history.Writer
	token string // of who may read metrics
	logs  logs

	mu       sync.Mutex
	replicas []replica
	leader   string
	requests counter
}

func watchReplicas(ctx context.Context, k *kube, o *history.Writer, token string) *replicaView {
	v := &replicaView{k: k, o: o, token: token, logs: newLogs(o.Dir)}
	v.look(ctx)
	go func() {
		for n := 0; ctx.Err() == nil; n++ {
			v.look(ctx)
			v.logs.catch()
			if n%6 == 0 {
				v.count(ctx)
				go v.sample(ctx)
			}
			wait(ctx, 700*time.Millisecond)
		}
	}()
	return v
}

func (v *replicaView) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	var pods corev1.PodList
	if err := v.k.List(ctx, &pods, client.InNamespace(cluster.ServiceNamespace), client.MatchingLabels{"app.kubernetes.io/name": "countersign"}); err != nil {
		return
	}
	var all []replica
	for _, p := range pods.Items {
		r := replica{name: p.Name, ip: p.Status.PodIP, going: p.DeletionTimestamp != nil}
		for _, s := range p.Status.ContainerStatuses {
			r.restarts += s.RestartCount
		}
		for _, x := range p.Status.Conditions {
			r.ready = r.ready || x.Type == corev1.PodReady && x.Status == corev1.ConditionTrue
		}
		all = append(all, r)
	}
	var lease coordinationv1.Lease
	leader := ""
	if err := v.k.Get(ctx, types.NamespacedName{Namespace: cluster.ServiceNamespace, Name: "countersign"}, &lease); err == nil && lease.Spec.HolderIdentity != nil {
		leader, _, _ = strings.Cut(*lease.Spec.HolderIdentity, "_") // the pod, and its address
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if a := fmt.Sprint(all, leader); a != fmt.Sprint(v.replicas, v.leader) {
		v.o.Add("replicas.jsonl", map[string]any{"at": time.Now(), "leader": leader, "replicas": fmt.Sprint(all)})
	}
	v.replicas, v.leader = all, leader
}

func (v *replicaView) leaderName() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.leader
}

// addresses returns the IP addresses of the replicas that are not going.
func (v *replicaView) addresses() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []string
	for _, r := range v.replicas {
		if r.ip != "" && !r.going {
			out = append(out, r.ip)
		}
	}
	return out
}

// roles are the leader and the others, by pod.
func (v *replicaView) roles() (leader replica, others []replica) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range v.replicas {
		switch {
		case r.going:
		case r.name == v.leader:
			leader = r
		default:
			others = append(others, r)
		}
	}
	return leader, others
}

// healthy reports whether there is a leader, and two replicas are ready.
func (v *replicaView) healthy() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	ready, leads := 0, false
	for _, r := range v.replicas {
		if r.ready && !r.going {
			ready++
		}
		leads = leads || r.name == v.leader
	}
	return ready >= 2 && leads
}

func (v *replicaView) counted() (written, refused float64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.requests.written, v.requests.refused
}

func (v *replicaView) saveLogs() error {
	v.logs.catch()
	return v.logs.save()
}

// pidOf is the process of a pod of the service, 0 for none. The processes of pods are this
// machine's too.
func pidOf(pod string) int {
	dirs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, d := range dirs {
		b, err := os.ReadFile(d)
		if arg0, _, _ := strings.Cut(string(b), "\x00"); err != nil || arg0 != "/ko-app/countersign" {
			continue
		}
		env, err := os.ReadFile(filepath.Join(filepath.Dir(d), "environ"))
		if err != nil || !strings.Contains(string(env), "POD_NAME="+pod+"\x00") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(d))); err == nil {
			return pid
		}
	}
	return 0
}
