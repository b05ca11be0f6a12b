package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign-dev/countersign/internal/kube/identity"
)

// policyTime is the interval at which the leader checks that the admission policies exist.
const policyTime = 5 * time.Minute

// policies reports admission policies that are missing. Where votes rest on one they count
// for nothing without it; the others would be missed by nobody until it is too late.
type policies struct {
	guards  *identity.Guards
	names   []string
	log     *slog.Logger
	missing *prometheus.GaugeVec // 1 while a policy is missing
	said    map[string]string    // what was said of those that are
}

func newPolicies(guards *identity.Guards, log *slog.Logger, reg prometheus.Registerer) (*policies, error) {
	p := &policies{
		guards: guards, names: identity.BaseGuards(), log: log, said: map[string]string{},
		missing: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "countersign", Name: "policy_missing", Help: "1 for each admission policy of deploy/base/admission.yaml that is not in force. The leader checks every 5 minutes.",
		}, []string{"policy"}),
	}
	return p, reg.Register(p.missing)
}

// Start implements manager.Runnable. It runs in the leader alone.
func (p *policies) Start(ctx context.Context) error {
	tick := time.NewTicker(policyTime)
	defer tick.Stop()
	for {
		p.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look logs once what has changed since the last look, and sets the metric each time.
func (p *policies) look(ctx context.Context) {
	for _, name := range p.names {
		_, err := p.guards.Since(ctx, name)
		if ctx.Err() != nil {
			return
		}
		gauge, before := p.missing.WithLabelValues(name), p.said[name]
		if err == nil {
			gauge.Set(0)
			if delete(p.said, name); before != "" {
				p.log.Info("an admission policy is in force again", "policy", name)
			}
			continue
		}
		if !identity.NotInForce(err) { // nor would the others be found out just now
			p.log.Warn("it is not known whether the admission policies are in force", "policy", name, "reason", err.Error())
			return
		}
		gauge.Set(1)
		if p.said[name] = err.Error(); p.said[name] != before {
			p.log.Warn("an admission policy is not in force", "policy", name, "reason", err.Error())
		}
	}
}
