//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/interceptor/signature"
	"github.com/countersign-dev/countersign/test/cluster"
)

// replay posts signed events of Approvals in every state, each several times, to the
// EventListeners that took the first; some forged, some old, some at another's.
func (i *injector) replay(ctx context.Context) (string, error) {
	ring, err := i.ring(ctx)
	if err != nil {
		return "", err
	}
	forged := keyring.Ring{keyring.NewKey(time.Now())}
	type target struct{ name, uid, trigger, body string }
	var all []target
	i.l.approvals.mu.Lock()
	for _, name := range slices.Sorted(maps.Keys(i.l.approvals.latest)) {
		u := i.l.approvals.latest[name]
		t := target{name, string(u.GetUID()), str(u, "spec", "trigger"), str(u, "spec", "source", "event", "body")}
		if t.body == "" {
			t.body = `{"run":"` + name + `"}`
		}
		if t.trigger != "probe" {
			all = append(all, t)
		}
	}
	i.l.approvals.mu.Unlock()
	i.rng.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
	all = all[:min(len(all), 40)]
	codes := map[int]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for n, t := range all {
		for j := range 4 {
			r, at := ring, time.Now()
			switch (n + j) % 6 {
			case 4:
				r = forged
			case 5:
				at = at.Add(-signature.Tolerance - time.Minute)
			}
			h := signature.Sign(r, interceptor.EventID(approvals.Key{Namespace: i.l.w.ns, Name: t.name, UID: t.uid}), at, []byte(t.body))
			h["Content-Type"] = "application/json"
			to := i.l.w.listeners[t.trigger]
			if (n+j)%9 == 8 {
				to = i.l.w.listeners["quorum"]
			}
			wg.Go(func() {
				status, _ := post(ctx, web, to, h, []byte(t.body))
				mu.Lock()
				defer mu.Unlock()
				codes[status]++
			})
		}
	}
	wg.Wait()
	return fmt.Sprintf("of %d approvals, answers %v", len(all), codes), nil
}

// ring reads the service's keys, as only an administrator can.
func (i *injector) ring(ctx context.Context) (keyring.Ring, error) {
	var s corev1.Secret
	if err := i.k.Get(ctx, types.NamespacedName{Namespace: cluster.ServiceNamespace, Name: servicesSecret}, &s); err != nil {
		return nil, err
	}
	var ring keyring.Ring
	for name, v := range s.Data {
		sec, err := strconv.ParseInt(name, 10, 64)
		if err != nil {
			return nil, err
		}
		ring = append(ring, keyring.Key{Made: time.Unix(sec, 0), Secret: v})
	}
	return ring, nil
}
