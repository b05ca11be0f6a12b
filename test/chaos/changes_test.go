//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/test/chaos/history"
	"github.com/countersign-dev/countersign/test/cluster"
)

// change is an upgrade, or the way back: another version is installed while everything goes on.
type change struct {
	kind     string // of the fault that it counts as
	to       cluster.Installation
	after    time.Duration // the load's beginning
	together time.Duration // how long both versions run
}

// versions makes the change by the command of the documentation. In its middle it stops, as one that goes slowly
// does: so long both versions run beside each other.
func (i *injector) versions(ctx context.Context, began time.Time, c change) {
	wait(ctx, time.Until(began.Add(c.after)))
	_, pending := i.l.approvals.count()
	f := history.Fault{Kind: c.kind, Start: time.Now()}
	say("%s: %d are pending", c.kind, pending)
	detail, err := i.changed(context.WithoutCancel(ctx), c)
	f.End, f.Detail = time.Now(), fmt.Sprintf("%d were pending; %s", pending, detail)
	if err != nil {
		f.Err = err.Error()
	}
	i.o.Add(history.FaultsFile, f)
	say("%s %.1f s  %s %s", c.kind, f.End.Sub(f.Start).Seconds(), f.Detail, f.Err)
}

func (i *injector) changed(ctx context.Context, c change) (did string, err error) {
	mend, err := i.undo.broken(c.kind, fmt.Sprintf("kubectl -n %s rollout resume deployment/countersign || true", cluster.ServiceNamespace))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, mend(ctx)) }()
	if err := c.to.Install(ctx, "deploy"); err != nil {
		return "", err
	}
	// Before the first new one is ready: then an old one would go.
	if err := i.until(ctx, c.to.Image, false); err != nil {
		return "", err
	}
	if _, err := cluster.Command(ctx, "", "kubectl", "-n", cluster.ServiceNamespace, "rollout", "pause", "deployment/countersign"); err != nil {
		return "", err
	}
	if err := i.until(ctx, c.to.Image, true); err != nil {
		return "", err
	}
	wait(ctx, c.together)
	of, err := i.images(ctx, true)
	if err != nil {
		return "", err
	}
	if len(of) != 2 {
		return "", fmt.Errorf("after %s there are replicas of %v, not of two versions", c.together, of)
	}
	led := i.v.leaderName()
	if _, err := cluster.Command(ctx, "", "kubectl", "-n", cluster.ServiceNamespace, "rollout", "resume", "deployment/countersign"); err != nil {
		return "", err
	}
	return fmt.Sprintf("%v ran for %s, led by %s", of, c.together, led), cluster.RolledOut(ctx)
}

// until waits until there is a replica of an image, or one that is ready.
func (i *injector) until(ctx context.Context, image string, ready bool) error {
	return persistFor(ctx, time.Minute, func(ctx context.Context) error {
		of, err := i.images(ctx, ready)
		if err == nil && of[image] == 0 {
			err = fmt.Errorf("there is no replica of %s (ready: %t), but of %v", image, ready, of)
		}
		return err
	})
}

// images are the replicas by their image, all or those that are ready.
func (i *injector) images(ctx context.Context, ready bool) (map[string]int, error) {
	var pods corev1.PodList
	if err := i.k.List(ctx, &pods, client.InNamespace(cluster.ServiceNamespace), client.MatchingLabels{"app.kubernetes.io/name": "countersign"}); err != nil {
		return nil, err
	}
	of := map[string]int{}
	for _, p := range pods.Items {
		is := slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue })
		if p.DeletionTimestamp == nil && (is || !ready) {
			of[p.Spec.Containers[0].Image]++
		}
	}
	return of, nil
}

// changePlans plans n Approvals that are opened before a change and decided around it: some need two, of whom the
// first decides before; some are decided by a link that the version before has mailed; many in one burst, while both
// versions run; and some after it.
func changePlans(seed uint64, n int, c change, ns string) []*history.Plan {
	rng := rand.New(rand.NewPCG(seed, 7))
	opened := c.after - 15*time.Second // by then all are there
	var out []*history.Plan
	for i := range n {
		p := &history.Plan{ID: i, Kind: "pending", Gate: "single", Event: i%2 == 0, Version: fmt.Sprintf("v%d.%d", seed, i)}
		p.At = opened * time.Duration(i) / time.Duration(n)
		if i%5 == 0 {
			p.Request = history.User(ns, history.Asker)
		}
		way, verdict := []string{history.Token, history.Object}[rng.IntN(2)], "approve"
		if i%10 == 3 {
			verdict = "reject"
		}
		var at time.Duration // since the load's beginning
		switch i % 4 {
		case 0:
			p.Kind = "burst"
			at = c.after + c.together/2 + seconds(rng, 0, 1)
		case 1:
			at = c.after + seconds(rng, 0, c.together.Seconds()+15)
		case 2:
			at = c.after + c.together + seconds(rng, 15, 30)
		default:
			at = c.after + seconds(rng, 0, c.together.Seconds()+25)
		}
		last := history.Step{After: at - p.At, Who: "ann", Way: way, Verdict: verdict, Seq: 2}
		switch {
		case i%7 == 1:
			last.Who, last.Way = "mia", history.Link
		case i%3 == 0:
			p.Gate = "four"
			p.Steps = []history.Step{{After: seconds(rng, 0.5, 5), Who: "bob", Way: history.Token, Verdict: "approve", Seq: 1}}
		}
		p.Steps = append(p.Steps, last)
		p.Trigger = p.Gate
		if p.Event {
			p.Trigger = strings.TrimSuffix("push"+p.Gate, "single")
		}
		out = append(out, p)
	}
	return out
}
