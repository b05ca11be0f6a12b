package config

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	const external = "externalURL: https://a.example.com\n"
	some := DefaultLimits()
	some.Web.Connections, some.Interceptor.BodyBytes = 100, 64<<20
	some.Proxies = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	some.Namespace.OpenApprovals, some.Namespace.HeldBytes = 10, 1000
	for name, c := range map[string]struct {
		yaml string
		want Limits
	}{
		"defaults": {"", DefaultLimits()},
		"some":     {"limits: {web: {connections: 100}, interceptor: {bodyBytes: 67108864}, trustedProxies: [10.1.2.3/16], namespace: {openApprovals: 10, heldBytes: 1000}}", some},
	} {
		got, err := parse([]byte(external + c.yaml))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(c.want, got.Limits, cmp.Comparer(func(x, y netip.Prefix) bool { return x == y })); d != "" {
			t.Errorf("%s: (-want +got)\n%s", name, d)
		}
	}
	for wrong, want := range map[string]string{
		"limits: {web: {connections: 1}}":             "limits.web.connections is 1",
		"limits: {web: {requests: 0}}":                "limits.web.requests is 0",
		"limits: {interceptor: {bodyBytes: 1048576}}": "limits.interceptor.bodyBytes is 1048576",
		"limits: {trustedProxies: [10.0.0.1]}":        `limits.trustedProxies has "10.0.0.1"`,
		"limits: {namespace: {mailsPerHour: 0}}":      "limits.namespace.mailsPerHour is 0",
		"limits: {namespace: {heldBytes: -1}}":        "limits.namespace.heldBytes is -1",
		"limits: {web: {conections: 100}}":            "unknown field",
	} {
		if _, err := parse([]byte(external + wrong)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", wrong, err, want)
		}
	}
}
