package tasks

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// GateParam is the param by which a task names a Gate of its namespace. That Gate's
// policy then rules, and anyone who wrote the pipeline no longer says who decides.
const GateParam = "gate"

// Request has the params of one CustomRun that a Mapping reads.
type Request struct {
	Params []approvals.Param // an array is its JSON text
	// Timeout is what the CustomRun says: nil for nothing, 0 for no end.
	Timeout *time.Duration
	// Gate is the policy of the Gate that it goes by, nil for none.
	Gate *approvals.Policy
	// Policies are the GatePolicies that hold where the task is.
	Policies []approvals.GatePolicy
}

// GateOf is the Gate that the task goes by, and whether it must be there.
func (m Mapping) GateOf(ps []approvals.Param) (name string, must bool) {
	if name = params(ps).one(GateParam); name != "" {
		return name, true
	}
	return m.Gate, false
}

// Policy makes the policy of an approval task of its params. The error is CodeInvalid and has
// what to change: nothing is opened that nobody, or anybody, could decide.
func (m Mapping) Policy(r Request) (approvals.Policy, error) {
	ps := params(r.Params)
	if r.Gate != nil {
		p := *r.Gate
		// The outcome is written to the task, and to nothing else.
		p.Preset, p.Release = m.Name, approvals.Release{}
		if r.Timeout != nil && *r.Timeout > 0 {
			p.Lifetime = min(p.Lifetime, lifetime(*r.Timeout))
		}
		return p, nil
	}
	p, err := m.policy(ps)
	if err != nil {
		return approvals.Policy{}, err
	}
	if p.Gate == "" {
		p.Gate = approvals.InlineGate
	}
	p.From = approvals.FromTask
	// The schema's defaults are written out, so that what is signed is what is kept.
	p.Preset, p.Requester, p.ReleaseOn = m.Name, approvals.RequesterExclude, []approvals.Outcome{approvals.Approved}
	open := false
	switch {
	case r.Timeout != nil:
		p.Lifetime = lifetime(*r.Timeout)
	case p.Lifetime != 0:
		p.Lifetime = lifetime(p.Lifetime)
	default:
		p.Lifetime, open = lifetime(m.Timeout), true
	}
	return p.Tighten(r.Policies, open), nil
}

// lifetime is a timeout within what an Approval can have; 0 is as long as it can.
func lifetime(d time.Duration) time.Duration {
	if d <= 0 {
		return approvals.MaxLifetime
	}
	return min(max(d, approvals.MinLifetime), approvals.MaxLifetime)
}

// Shown are the params that are put before anyone who decides.
func (m Mapping) Shown(ps []approvals.Param) []approvals.Param {
	return slices.DeleteFunc(slices.Clone(ps), func(p approvals.Param) bool {
		return same(p.Name, GateParam) || slices.ContainsFunc(m.reads, func(n string) bool { return same(p.Name, n) })
	})
}

// Param is the value of one param, "" without it.
func Param(ps []approvals.Param, name string) string { return params(ps).one(name) }

// List is the values of one param that is an array.
func List(ps []approvals.Param, name string) []string { return params(ps).all(name) }

// params are read as Automatiko reads them: names trimmed, in any case.
type params []approvals.Param

func same(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

func (ps params) raw(name string) string {
	for _, p := range ps {
		if same(p.Name, name) {
			return p.Value
		}
	}
	return ""
}

func (ps params) one(name string) string { return strings.TrimSpace(ps.raw(name)) }

// all is an array's values, each once and none empty. A string is one value.
func (ps params) all(name string) []string {
	var values, out []string
	if raw := ps.one(name); json.Unmarshal([]byte(raw), &values) != nil {
		values = []string{raw}
	}
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func automatiko(ps params) (approvals.Policy, error) {
	p := approvals.Policy{Strategy: approvals.Strategy(cmp.Or(strings.ToUpper(ps.one("strategy")), string(approvals.Single)))}
	if !slices.Contains([]approvals.Strategy{approvals.Single, approvals.Multi, approvals.FourEyes}, p.Strategy) {
		return p, approvals.Errorf(approvals.CodeInvalid, "param strategy is %q, which is unknown: use SINGLE, MULTI or FOUR_EYES", approvals.Cut(ps.one("strategy"), approvals.MaxQuoted))
	}
	if p.Groups = ps.all("groups"); len(p.Groups) == 0 { // groups win
		p.Approvers = people(ps.all("approvers"))
	}
	for _, param := range []string{"notifyOnSlack", "notifyOnTeams"} {
		if c := ps.one(param); c != "" && len(c) <= maxChannel && !slices.Contains(p.Notify.Channels, c) {
			p.Notify.Channels = append(p.Notify.Channels, c)
		}
	}
	return p, somebody(p, "approvers or groups")
}

func manualApprovalGate(ps params) (approvals.Policy, error) {
	p := approvals.Policy{Strategy: approvals.Quorum, Required: 1}
	if n := ps.one("numberOfApprovalsRequired"); n != "" {
		var err error
		if p.Required, err = strconv.Atoi(n); err != nil || p.Required < 1 {
			return p, approvals.Errorf(approvals.CodeInvalid, "param numberOfApprovalsRequired is %q: use a number from 1", approvals.Cut(n, approvals.MaxQuoted))
		}
	}
	if t := ps.one("timeout"); t != "" {
		var err error
		if p.Lifetime, err = time.ParseDuration(t); err != nil || p.Lifetime < 0 {
			return p, approvals.Errorf(approvals.CodeInvalid, "param timeout is %q: use a duration such as 30m", approvals.Cut(t, approvals.MaxQuoted))
		}
		p.Lifetime = lifetime(p.Lifetime)
	}
	var users []string
	for _, a := range ps.all("approvers") {
		if g, ok := strings.CutPrefix(a, "group:"); !ok {
			users = append(users, a)
		} else if g = strings.TrimSpace(g); g != "" && !slices.Contains(p.Groups, g) {
			p.Groups = append(p.Groups, g)
		}
	}
	p.Approvers = people(users)
	return p, somebody(p, "approvers")
}

// kubeRocketCI leaves it to RBAC: the task itself takes the word of anyone who may write
// its object for who decided, which is nothing that could be believed here.
func kubeRocketCI(params) (approvals.Policy, error) {
	return approvals.Policy{Gate: KubeRocketCI, Strategy: approvals.Single, RBAC: true}, nil
}

// Limits of names; the CRD schema has the same numbers.
const (
	maxName    = 253
	maxChannel = 63
)

// somebody says why nobody could decide.
func somebody(p approvals.Policy, param string) error {
	if len(p.Approvers)+len(p.Groups) == 0 {
		return approvals.Errorf(approvals.CodeInvalid, "nobody could decide this: name people in param %s, or a Gate in param %s", param, GateParam)
	}
	for _, a := range p.Approvers {
		if err := approvals.CheckName(a.Name); err != nil {
			return approvals.Errorf(approvals.CodeInvalid, "nobody could decide this: param %s has %s", param, approvals.Message(err))
		}
	}
	for _, g := range p.Groups {
		if err := approvals.CheckGroup(g); err != nil {
			return approvals.Errorf(approvals.CodeInvalid, "approval can't be requested: param %s has %s", param, approvals.Message(err))
		}
	}
	if all, n := p.Needed(), len(p.Approvers); len(p.Groups) == 0 && n < all {
		is := "are"
		if n == 1 {
			is = "is"
		}
		return approvals.Errorf(approvals.CodeInvalid, "this could never be approved: it needs %d people, but only %d %s named: name more in param %s", all, n, is, param)
	}
	for _, a := range p.Approvers {
		if len(a.Name) > maxName {
			return approvals.Errorf(approvals.CodeInvalid, "an approver has a name of %d bytes and the limit is %d: %s", len(a.Name), maxName, approvals.Cut(a.Name, approvals.MaxQuoted))
		}
	}
	for _, g := range p.Groups {
		if len(g) > maxName {
			return approvals.Errorf(approvals.CodeInvalid, "a group has a name of %d bytes and the limit is %d: %s", len(g), maxName, approvals.Cut(g, approvals.MaxQuoted))
		}
	}
	return nil
}

func people(names []string) []approvals.Approver {
	var out []approvals.Approver
	for _, n := range names {
		a := approvals.Approver{Name: n}
		if approvals.IsAddress(n) {
			a.Email = n
		}
		out = append(out, a)
	}
	return out
}
