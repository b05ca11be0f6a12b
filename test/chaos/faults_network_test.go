//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// networkFaults cut connections, and do to the mail server what networks do.
func (i *injector) networkFaults() map[string]fault {
	return map[string]fault{
		"mail-refuses": func(ctx context.Context) (string, error) { return i.mailRefuses(ctx, i.seconds(8, 25)) },
		"mail-hangs":   func(ctx context.Context) (string, error) { return i.mailHangs(ctx, i.seconds(8, 25)) },
		"mail-slow": func(ctx context.Context) (string, error) {
			d := i.seconds(8, 20)
			i.l.box.slow(35 * time.Second)
			wait(ctx, d)
			i.l.box.slow(0)
			return fmt.Sprintf("35 s for the answer behind the final dot, for %.1f s", d.Seconds()), nil
		},
		"cut-leader-api":   func(ctx context.Context) (string, error) { return i.cutAPI(ctx, i.leader(), i.seconds(8, 20)) },
		"cut-follower-api": func(ctx context.Context) (string, error) { return i.cutAPI(ctx, i.follower(), i.seconds(8, 20)) },
		"cut-leader-all":   func(ctx context.Context) (string, error) { return i.cutAll(ctx, i.leader(), i.seconds(6, 15)) },
		"cut-replicas":     i.cutReplicas,
	}
}

// mailRefuses has connections to the mail server refused.
func (i *injector) mailRefuses(ctx context.Context, d time.Duration) (string, error) {
	i.l.box.shut()
	wait(ctx, d)
	return fmt.Sprintf("closed for %.1f s", d.Seconds()), i.l.box.open(ctx)
}

// mailHangs drops every packet of the mail server's port.
func (i *injector) mailHangs(ctx context.Context, d time.Duration) (string, error) {
	return fmt.Sprintf("for %.1f s", d.Seconds()), i.cut(ctx, "mail", []string{"pre tcp dport 2525 drop", "pre tcp sport 2525 drop", "out tcp sport 2525 drop"}, d)
}

// cutAPI cuts a replica off from the API server alone.
func (i *injector) cutAPI(ctx context.Context, r replica, d time.Duration) (string, error) {
	if r.ip == "" {
		return "", errNone
	}
	return fmt.Sprintf("%s (%s) from the API server for %.1f s", r.name, r.ip, d.Seconds()), i.cut(ctx, "api", []string{
		"pre ip saddr " + r.ip + " ip daddr 10.96.0.1 drop", "pre ip saddr " + r.ip + " tcp dport 6443 drop", "out ip daddr " + r.ip + " tcp sport 6443 drop",
	}, d)
}

// cutAll cuts a replica off from everybody.
func (i *injector) cutAll(ctx context.Context, r replica, d time.Duration) (string, error) {
	if r.ip == "" {
		return "", errNone
	}
	return fmt.Sprintf("%s (%s) from everybody for %.1f s", r.name, r.ip, d.Seconds()), i.cut(ctx, "all", []string{
		"pre ip saddr " + r.ip + " drop", "pre ip daddr " + r.ip + " drop", "out ip daddr " + r.ip + " drop",
	}, d)
}

// cutReplicas cuts the replicas off from each other.
func (i *injector) cutReplicas(ctx context.Context) (string, error) {
	all := i.v.addresses()
	if len(all) < 2 {
		return "", errNone
	}
	d := i.seconds(8, 15)
	var rules []string
	for _, a := range all {
		for _, b := range all {
			if a != b {
				rules = append(rules, "pre ip saddr "+a+" ip daddr "+b+" drop")
			}
		}
	}
	return fmt.Sprintf("%v for %.1f s", all, d.Seconds()), i.cut(ctx, "replicas", rules, d)
}

// cut drops packets by a table of our own, which comes before all others': NetworkPolicies
// are not enforced on this cluster.
func (i *injector) cut(ctx context.Context, name string, rules []string, d time.Duration) error {
	table := "chaos_" + name
	var text strings.Builder
	fmt.Fprintf(&text, "add table ip %s\n", table)
	fmt.Fprintf(&text, "add chain ip %s pre { type filter hook prerouting priority -310; }\n", table)
	fmt.Fprintf(&text, "add chain ip %s out { type filter hook output priority -310; }\n", table)
	for _, r := range rules {
		fmt.Fprintf(&text, "add rule ip %s %s\n", table, r)
	}
	mend, err := i.undo.broken("cut "+name, fmt.Sprintf("! nft list table ip %[1]s >/dev/null 2>&1 || nft delete table ip %[1]s", table))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(text.String())
	if b, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("nft: %w: %s", err, b), mend(ctx))
	}
	wait(ctx, d)
	return mend(ctx)
}
