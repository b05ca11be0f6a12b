package servingcert

import "testing"

// TestStamp: the version is written beside what is announced, and only when it is another.
func TestStamp(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	m := a.manager(t0)
	if err := m.Stamp(t.Context(), "countersign.dev/version", "v1"); err != nil {
		t.Errorf("before there is anything to write it to: %v", err)
	}
	if err := m.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{"v1", "v1", "v2"} {
		if err := m.Stamp(t.Context(), "countersign.dev/version", v); err != nil {
			t.Fatal(err)
		}
		if got := a.interceptor(t).Annotations["countersign.dev/version"]; got != v {
			t.Errorf("version %q, want %q", got, v)
		}
	}
	before := a.writes.Load()
	if err := m.Stamp(t.Context(), "countersign.dev/version", "v2"); err != nil {
		t.Fatal(err)
	}
	if err := m.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.writes.Load(); got != before {
		t.Errorf("%d writes of what is there already", got-before)
	}
}
