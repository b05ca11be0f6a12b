package app

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/countersign-dev/countersign/approvals/web"
	"github.com/countersign-dev/countersign/interceptor"
	"github.com/countersign-dev/countersign/internal/config"
	"github.com/countersign-dev/countersign/internal/intake"
)

// readFor bounds the time for sending one body.
const readFor = 30 * time.Second

// webIntake bounds what pages and API take in. Anyone who has a credential that was good
// keeps a part for themselves.
func (c *core) webIntake() *intake.Guard {
	l := c.Config.Limits
	return &intake.Guard{
		Now: c.Now, Limits: limitsOf(l.Web, web.MaxBody), Proxies: l.Proxies, Who: intake.ByCredential, Refuse: web.Refuse,
		Long: web.Lasts, Count: c.turnedAway("web"),
		BodyOf: func(r *http.Request) int64 {
			_, some := intake.ByCredential(r)
			return web.MaxBodyOf(r, some)
		},
	}
}

// interceptorIntake bounds what EventListeners, and everybody else who reaches the port, send.
// They don't prove who they are: an address from which a signed event of ours came lately
// keeps a part for itself. No proxy stands between.
func (c *core) interceptorIntake() *intake.Guard {
	return &intake.Guard{Now: c.Now, Limits: limitsOf(c.Config.Limits.Interceptor, interceptor.MaxRequest), Count: c.turnedAway("interceptor")}
}

// metricsIntake bounds who scrapes: few do, and a scrape has no body.
func metricsIntake(proxies []netip.Prefix, now func() time.Time) *intake.Guard {
	return &intake.Guard{
		Now: now, Limits: intake.Limits{Connections: 64, Requests: 8, Bytes: 4 << 10, Body: 1 << 10, Wait: 5 * time.Second, ReadFor: readFor},
		Proxies: proxies, Who: intake.ByCredential,
	}
}

func limitsOf(l config.Listener, body int64) intake.Limits {
	return intake.Limits{Connections: l.Connections, Requests: l.Requests, Bytes: l.BodyBytes, Body: body, Wait: l.Wait, ReadFor: readFor}
}

func (c *core) turnedAway(listener string) func(reason string) {
	return func(reason string) { c.metrics.turnedAway.WithLabelValues(listener, reason).Inc() }
}

// probesIntake bounds who asks for /healthz and /readyz: the kubelet, and anyone who reaches the
// port.
func probesIntake(now func() time.Time) *intake.Guard {
	return &intake.Guard{Now: now, Limits: intake.Limits{Connections: 64, Requests: 16, Bytes: 4 << 10, Body: 1 << 10, Wait: time.Second, ReadFor: readFor}}
}
