package version

import "testing"

func TestSkew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		client, server string
		apart          bool
	}{
		{"v0.1.0", "v0.1.0", false},
		{"v0.1.0", "v0.1.7", false},
		{"v0.1.0", "v0.2.0", false},
		{"v0.3.0", "v0.2.9", false},
		{"v0.2.0-rc.1", "v0.1.0", false},
		{"v0.1.0", "v0.3.0", true},
		{"v0.4.0", "v0.2.0", true},
		{"v1.0.0", "v0.9.0", true},
		{Devel, "v0.9.0", false},
		{"v1.0.0", Devel, false},
		{"v1.0.0", "", false},
	} {
		if got := Skew(c.client, c.server); (got != "") != c.apart {
			t.Errorf("Skew(%q, %q) = %q, want a reason: %t", c.client, c.server, got, c.apart)
		}
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	if got := String(); got != Devel {
		t.Errorf("a test is version %q, want %q", got, Devel)
	}
}
