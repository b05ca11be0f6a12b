package keyring_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/approvals/keyring"
)

// TestSigningKeys: they follow from the ring and the purpose, sign what their public key
// verifies, and can't be printed.
func TestSigningKeys(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	secret := func(b byte) keyring.Secret { return bytes.Repeat([]byte{b}, keyring.Size) }
	ring := keyring.Ring{{Made: made, Secret: secret(2)}, {Made: made.Add(-time.Hour), Secret: secret(1)}}
	keys := ring.SigningKeys(keyring.Record)
	if len(keys) != 2 || !keys[0].Made.Equal(made) || keys[0].Public().Equal(keys[1].Public()) {
		t.Fatalf("%d keys", len(keys))
	}
	if again := ring.SigningKeys(keyring.Record); !again[0].Public().Equal(keys[0].Public()) {
		t.Error("another time it is another key")
	}
	if other := ring.SigningKeys("something else"); other[0].Public().Equal(keys[0].Public()) {
		t.Error("for another purpose it is the same key")
	}
	msg := []byte("a head")
	if !ed25519.Verify(keys[0].Public(), msg, keys[0].Sign(msg)) || ed25519.Verify(keys[1].Public(), msg, keys[0].Sign(msg)) {
		t.Error("the signature does not verify by its own key alone")
	}
	b, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", keys[0])
	if got := fmt.Sprintf("%v %+v %#v %s %d", keys, keys[0], keys[0], keys[0], keys[0]); got != "[*** ***] *** *** *** ***" {
		t.Errorf("printed: %s", got)
	}
	if !strings.Contains(log.String(), "key=***") || string(b) != `[{"Made":"2026-03-01T09:00:00Z"},{"Made":"2026-03-01T08:00:00Z"}]` {
		t.Errorf("printed: %s%s", log.String(), b)
	}
	if len(keyring.Ring{}.SigningKeys(keyring.Record)) != 0 {
		t.Error("keys of no ring")
	}
}
