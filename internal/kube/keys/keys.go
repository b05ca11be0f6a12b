package keys

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/kubeutil"
)

// Rotation of the service's own keys. A key verifies for as long as anything that
// it signed can still be pending.
const (
	keyEvery = 30 * 24 * time.Hour
	keyKeep  = approvals.MaxLifetime + keyEvery + 24*time.Hour
	keyLook  = time.Minute
)

// Keys loads the ring from one Secret, makes it where it is missing and rotates
// it. Every replica does so: the Secret's resource version decides who was first.
type Keys struct {
	Client client.Client // not cached
	Name   types.NamespacedName
	Now    func() time.Time
	Log    *slog.Logger

	ring atomic.Pointer[keyring.Ring]
}

// Ring is the keys as last read.
func (k *Keys) Ring() keyring.Ring {
	if r := k.ring.Load(); r != nil {
		return *r
	}
	return nil
}

// Load reads the Secret and rotates what is due.
func (k *Keys) Load(ctx context.Context) error {
	for range kubeutil.MaxRaces {
		err := k.load(ctx)
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			return kubeutil.Translate(err, "secret "+k.Name.String())
		}
	}
	return approvals.Errorf(approvals.CodeUnavailable, "secret %s changes too quickly", k.Name)
}

func (k *Keys) load(ctx context.Context) error {
	var s corev1.Secret
	err := k.Client.Get(ctx, k.Name, &s)
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return err
	}
	have := parseRing(s.Data)
	// The Secret was deleted or emptied while we ran: what this process still knows
	// is written back, or every pending Approval would lose its signature.
	lost := len(have) == 0 && len(k.Ring()) > 0
	if lost {
		have = k.Ring()
	}
	ring, changed := have.Rotate(k.Now().UTC().Truncate(time.Second), keyEvery, keyKeep)
	if changed || lost {
		s.Namespace, s.Name = k.Name.Namespace, k.Name.Name
		s.Data = formatRing(ring)
		if missing {
			err = k.Client.Create(ctx, &s)
		} else {
			err = k.Client.Update(ctx, &s)
		}
		if err != nil {
			return err
		}
		k.Log.Info("signing keys rotated", "keys", len(ring))
	}
	ring = settled(ring, k.Now())
	k.ring.Store(&ring)
	return nil
}

// settled keeps a brand-new key from signing until every replica has had the time
// to read it: the one before goes on signing.
func settled(ring keyring.Ring, now time.Time) keyring.Ring {
	if len(ring) > 1 && now.Sub(ring[0].Made) < 2*keyLook {
		ring = slices.Clone(ring)
		ring[0], ring[1] = ring[1], ring[0]
	}
	return ring
}

// Start loads again every minute, so that a key another replica made is known
// before long. It implements manager.Runnable.
func (k *Keys) Start(ctx context.Context) error {
	tick := time.NewTicker(keyLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := k.Load(ctx); err != nil && ctx.Err() == nil {
				k.Log.Error("signing keys not read", "error", err.Error())
			}
		}
	}
}

// NeedLeaderElection is false: every replica needs the keys.
func (k *Keys) NeedLeaderElection() bool { return false }

// A key is one entry of the Secret, named by when it was made, in Unix seconds.
func parseRing(data map[string][]byte) keyring.Ring {
	var ring keyring.Ring
	for _, name := range slices.Sorted(maps.Keys(data)) {
		sec, err := strconv.ParseInt(name, 10, 64)
		if err != nil || len(data[name]) < keyring.Size {
			continue
		}
		ring = append(ring, keyring.Key{Made: time.Unix(sec, 0).UTC(), Secret: data[name]})
	}
	slices.Reverse(ring)
	return ring
}

func formatRing(ring keyring.Ring) map[string][]byte {
	data := map[string][]byte{}
	for _, k := range ring {
		data[strconv.FormatInt(k.Made.Unix(), 10)] = k.Secret
	}
	return data
}
