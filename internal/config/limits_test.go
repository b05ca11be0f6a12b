package config

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/internal/golden"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	said := golden.Open(t)
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
	for _, wrong := range []string{
		"limits: {web: {connections: 1}}",
		"limits: {web: {requests: 0}}",
		"limits: {interceptor: {bodyBytes: 1048576}}",
		"limits: {trustedProxies: [10.0.0.1]}",
		"limits: {namespace: {mailsPerHour: 0}}",
		"limits: {namespace: {heldBytes: -1}}",
		"limits: {web: {conections: 100}}",
	} {
		_, err := parse([]byte(external + wrong))
		if err == nil {
			t.Fatalf("%s: taken", wrong)
		}
		said.Check(t, wrong, err.Error())
	}
}
