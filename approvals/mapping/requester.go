package mapping

import (
	"context"
	"slices"

	"github.com/countersign-dev/countersign/approvals"
)

// asked finds the requester: by the expression of the interceptor params, else by part 1's
// annotation or the usual fields of a push, else nobody; and the proof of the name.
//
// A proof is of the person whom the source itself names: an annotation that was verified, or
// the sender in a signed event. The Trigger's author writes the expression, and may want
// somebody else to be the requester, or nobody. So it keeps the proof only where it gives
// another name of that sender's account, and never removes the person whom the source names.
// They stay excluded, by all their names.
func (c *Compiler) asked(ctx context.Context, l approvals.InterceptorParams, v Vars, s approvals.Source) (approvals.RequesterIdentity, error) {
	base := s.Requester
	if s.Event != nil {
		base = usualSender(v.Body)
	}
	a := approvals.RequesterIdentity{Who: base, Proof: s.RequesterProof}
	if l.Requester != "" {
		who, err := c.String(ctx, l.Requester, v)
		if err != nil {
			return approvals.RequesterIdentity{}, within("requester", err)
		}
		switch {
		case who == "" || who == base: // as the source says
		case s.Event != nil && oneAccount(v.Body, base, who):
			a.Who = who
		default:
			a.Who, a.Proof = who, approvals.NoProof
		}
	}
	if a.Who == "" {
		return approvals.RequesterIdentity{}, nil
	}
	if base != "" && base != a.Who {
		a.Also = append(a.Also, base)
	}
	if s.Event != nil {
		a.Also = append(a.Also, otherNames(v.Body, base)...)
		a.Also = append(a.Also, otherNames(v.Body, a.Who)...)
	}
	return a.Widen(c.People), nil
}

// senders are where senders of events name one person, the name that they are known by
// first. Of an account there is one by each of its names at the sender; what it is shown
// as people choose themselves, so that it may be another's name.
var senders = [...]struct {
	in      string // "": at the top
	account []string
	shown   []string
}{
	{"sender", []string{"login", "username", "email"}, []string{"full_name", "name"}},                // GitHub, Gitea
	{"pusher", []string{"name", "login", "username", "email"}, []string{"full_name"}},                // GitHub pushes by bots, Gitea
	{"", []string{"user_username", "user_email"}, []string{"user_name"}},                             // GitLab pushes
	{"user", []string{"username", "email"}, []string{"name"}},                                        // GitLab merge requests
	{"actor", []string{"name", "emailAddress"}, []string{"nickname", "displayName", "display_name"}}, // Bitbucket
}

func usualSender(body map[string]any) string {
	for _, s := range senders {
		if who := at(body, s.in, s.account[0]); who != "" {
			return who
		}
	}
	return ""
}

// oneAccount reports whether an event uses both names for one account.
func oneAccount(body map[string]any, base, who string) bool {
	if base == "" {
		return false
	}
	for _, s := range senders {
		called := func(n string) bool {
			return slices.ContainsFunc(s.account, func(k string) bool { return approvals.SamePerson(at(body, s.in, k), n) })
		}
		if called(base) && called(who) {
			return true
		}
	}
	return false
}

// otherNames returns the further names that an event has for who, in any of its fields.
func otherNames(body map[string]any, who string) []string {
	if who == "" {
		return nil
	}
	var out []string
	for _, s := range senders {
		var names []string
		found := false
		for _, k := range slices.Concat(s.account, s.shown) {
			if n := at(body, s.in, k); n != "" {
				names, found = append(names, n), found || approvals.SamePerson(n, who)
			}
		}
		if found {
			out = append(out, names...)
		}
	}
	return out
}

func at(body map[string]any, in, key string) string {
	m := body
	if in != "" {
		m, _ = body[in].(map[string]any)
	}
	s, _ := m[key].(string)
	return s
}
