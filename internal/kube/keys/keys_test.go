package keys

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/countersign-dev/countersign/approvals"
	ct "github.com/countersign-dev/countersign/approvals/approvalstest"
	"github.com/countersign-dev/countersign/approvals/keyring"
	"github.com/countersign-dev/countersign/internal/kube/servicetest"
)

const day = 24 * time.Hour

func keysOf(c *servicetest.Cluster, now *time.Time) *Keys {
	return &Keys{Client: c, Name: types.NamespacedName{Namespace: "countersign", Name: "keys"}, Now: func() time.Time { return *now }, Log: servicetest.Quiet}
}

// TestKeysThroughTime: for two years whatever was signed verifies for as long as
// anything can be pending, on a replica that read the Secret a minute ago too.
func TestKeysThroughTime(t *testing.T) {
	t.Parallel()
	c := servicetest.NewCluster(t)
	now := ct.T0
	leader := keysOf(c, &now)
	type signature struct {
		at  time.Time
		sum []byte
	}
	var made []signature
	msg := []byte("m")
	var older keyring.Ring // what another replica read at its last look
	for ; now.Before(ct.T0.Add(2 * 365 * day)); now = now.Add(3 * day) {
		if err := leader.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		ring := leader.Ring()
		if older != nil && !older.Verify(keyring.Link, msg, ring.Sign(keyring.Link, msg)) {
			t.Fatalf("at %s it signs with a key that others have not read yet", now)
		}
		made = append(made, signature{now, ring.Sign(keyring.Link, msg)})
		for _, s := range made {
			if now.Sub(s.at) <= approvals.MaxLifetime && !ring.Verify(keyring.Link, msg, s.sum) {
				t.Fatalf("at %s what was signed at %s does not verify", now, s.at)
			}
		}
		if len(ring) > 5 {
			t.Fatalf("%d keys", len(ring))
		}
		older = ring
		// The new key signs once everybody has had the time to read it.
		now = now.Add(2 * keyLook)
		if err := leader.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		older = leader.Ring()
	}
	first := made[0]
	if leader.Ring().Verify(keyring.Link, msg, first.sum) {
		t.Error("a key of two years ago still verifies")
	}
	if n := c.Count("create"); n != 1 {
		t.Errorf("made %d times", n)
	}
	if n := c.Count("update"); n < 20 || n > 50 { // made, and dropped again
		t.Errorf("rotated %d times in two years", n)
	}
}

func TestKeysRaces(t *testing.T) {
	t.Parallel()
	c := servicetest.NewCluster(t)
	now := ct.T0
	var n atomic.Int64
	c.Fail(func(verb string, _ runtime.Object) error {
		if verb == "update" && n.Add(1)%2 == 0 {
			return servicetest.Conflict()
		}
		return nil
	})
	for round := range 3 {
		replicas := make([]*Keys, 6)
		var wg sync.WaitGroup
		for i := range replicas {
			replicas[i] = keysOf(c, &now)
			wg.Go(func() {
				if err := replicas[i].Load(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		want := replicas[0].Ring()
		for i, k := range replicas {
			got := k.Ring()
			if len(got) != round+1 || !bytes.Equal(got[0].Secret, want[0].Secret) {
				t.Errorf("round %d: replica %d has %d keys, or signs with another", round, i, len(got))
			}
		}
		now = now.Add(keyEvery)
	}
}

// TestKeysKeep: what a person put into the Secret is no key, and no reason to stop.
func TestKeysKeep(t *testing.T) {
	t.Parallel()
	made := fmt.Sprint(ct.T0.Unix())
	s := &corev1.Secret{Data: map[string][]byte{"note": bytes.Repeat([]byte("x"), 64), "5": []byte("short"), made: bytes.Repeat([]byte{7}, keyring.Size)}}
	s.Namespace, s.Name = "countersign", "keys"
	c := servicetest.NewCluster(t, s)
	now := ct.T0.Add(time.Hour)
	k := keysOf(c, &now)
	if k.Ring() != nil {
		t.Error("keys before they were read")
	}
	if err := k.Load(t.Context()); err != nil || len(k.Ring()) != 1 || !k.Ring()[0].Made.Equal(ct.T0) || c.Writes() != 0 {
		t.Errorf("%d keys by %d writes, %v", len(k.Ring()), c.Writes(), err)
	}
	for _, err := range []error{errors.New("connection refused"), apierrors.NewForbidden(servicetest.ApprovalsResource, "keys", errors.New("no"))} {
		c.Fail(func(string, runtime.Object) error { return err })
		if err := k.Load(t.Context()); approvals.CodeOf(err) != approvals.CodeUnavailable || len(k.Ring()) != 1 {
			t.Errorf("%v with %d keys, want it unavailable and the keys of before", err, len(k.Ring()))
		}
	}
	if k.NeedLeaderElection() {
		t.Error("replicas that do not lead sign and verify too")
	}
}

// TestKeysLost: a Secret that was deleted under a running service is written back,
// or every pending Approval would lose its signature.
func TestKeysLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *servicetest.Cluster){
		"deleted": func(t *testing.T, c *servicetest.Cluster) {
			s := &corev1.Secret{}
			s.Namespace, s.Name = "countersign", "keys"
			if err := c.Delete(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		},
		"emptied": func(t *testing.T, c *servicetest.Cluster) {
			var s corev1.Secret
			if err := c.Get(t.Context(), types.NamespacedName{Namespace: "countersign", Name: "keys"}, &s); err != nil {
				t.Fatal(err)
			}
			s.Data = nil
			if err := c.Update(t.Context(), &s); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := servicetest.NewCluster(t)
			now := ct.T0
			k := keysOf(c, &now)
			if err := k.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			sum := k.Ring().Sign(keyring.Approval, []byte("m"))
			lose(t, c)
			if err := k.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			fresh := keysOf(c, &now)
			if err := fresh.Load(t.Context()); err != nil || !fresh.Ring().Verify(keyring.Approval, []byte("m"), sum) {
				t.Errorf("another process can't verify what was signed before: %v", err)
			}
		})
	}
}
