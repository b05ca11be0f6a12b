package servingcert

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/internal/golden"
)

// TestSomebodyElses: a certificate that somebody else keeps in a folder is served and announced,
// and again when it has changed; no Secret is made.
func TestSomebodyElses(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
	a := newAPI(t)
	m := a.manager(t0)
	m.Dir = t.TempDir()
	put := func(data map[string][]byte) {
		t.Helper()
		for _, entry := range []string{entryCA, entryCert, entryKey} {
			if err := os.WriteFile(filepath.Join(m.Dir, entry), data[entry], 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := m.Ensure(t.Context()); err == nil || m.Ready() == nil {
		t.Errorf("ready without a certificate: %v", err)
	}
	first, _ := renewed(t, nil, t0)
	second, _ := renewed(t, nil, t0.Add(time.Hour))
	for _, data := range []map[string][]byte{first, second} {
		put(data)
		if err := m.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := m.Ready(); err != nil {
			t.Error(err)
		}
		if got := a.interceptor(t).Spec.ClientConfig.CaBundle; !bytes.Equal(got, data[entryCA]) {
			t.Errorf("announced\n%s\nwant\n%s", got, data[entryCA])
		}
		cert, err := m.Certificate(nil)
		if err != nil || !bytes.Equal(cert.Certificate[0], mustDER(t, data[entryCert])) {
			t.Errorf("another certificate is served: %v", err)
		}
		want, err := leaf(data[entryCert])
		if err != nil {
			t.Fatal(err)
		}
		if m.Ends() != float64(want.NotAfter.Unix()) {
			t.Errorf("it ends at %v, want %s", m.Ends(), want.NotAfter)
		}
	}
	other, _, err := renew(nil, []string{"gate.prod.svc"}, t0)
	if err != nil {
		t.Fatal(err)
	}
	noCA := maps.Clone(first)
	noCA[entryCA] = first[entryCert]
	for name, data := range map[string]map[string][]byte{"for another name": other, "without a CA": noCA} {
		put(data)
		err := m.Ensure(t.Context())
		if err == nil {
			t.Fatalf("%s: served", name)
		}
		said.Check(t, name, strings.ReplaceAll(err.Error(), m.Dir, "DIR"))
	}
	if err := m.Ready(); err != nil {
		t.Errorf("what it has been serving is not served any more: %v", err)
	}
}
