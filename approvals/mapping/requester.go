package mapping

import (
	"context"

	"github.com/countersign-dev/countersign/approvals"
)

// asked is who asked: what the line's expression says, else what part 1's annotation or
// the usual fields of a push say, else nobody; and what proves it.
//
// A run's annotation is proved by whatever made the source say so. Of an event the body
// alone is what its sender has signed: what an expression takes from a header anybody
// wrote who could send it again.
func (c *Compiler) asked(ctx context.Context, l approvals.Line, v Vars, s approvals.Source) (approvals.Asked, error) {
	a := approvals.Asked{Who: s.Requester, Proof: s.RequesterProof}
	if s.Event != nil {
		a.Who = usualSender(v.Body)
	}
	if l.Requester != "" {
		who, err := c.String(ctx, l.Requester, v)
		if err != nil {
			return approvals.Asked{}, approvals.Errorf(approvals.CodeInvalid, "requester: %s", approvals.Message(err))
		}
		if s.Event == nil && who != a.Who || s.Event != nil && !c.ofBody(ctx, l.Requester, v, who) {
			a.Proof = approvals.NoProof
		}
		a.Who = who
	}
	if a.Who == "" {
		return approvals.Asked{}, nil
	}
	if s.Event != nil {
		a.Also = otherNames(v.Body, a.Who)
	}
	return a.Widen(c.People), nil
}

// ofBody says whether an expression gives who from the body alone.
func (c *Compiler) ofBody(ctx context.Context, expr string, v Vars, who string) bool {
	got, err := c.String(ctx, expr, Vars{Body: v.Body})
	return err == nil && got == who
}

// senders are where senders of events name one person, the name that they are known by
// first.
var senders = [...]struct {
	in   string // "": at the top
	keys []string
}{
	{"sender", []string{"login", "username", "email", "full_name", "name"}},                // GitHub, Gitea
	{"pusher", []string{"name", "login", "username", "email", "full_name"}},                // GitHub pushes by bots, Gitea
	{"", []string{"user_username", "user_email", "user_name"}},                             // GitLab pushes
	{"user", []string{"username", "email", "name"}},                                        // GitLab merge requests
	{"actor", []string{"name", "nickname", "emailAddress", "displayName", "display_name"}}, // Bitbucket
}

func usualSender(body map[string]any) string {
	for _, s := range senders {
		if who := at(body, s.in, s.keys[0]); who != "" {
			return who
		}
	}
	return ""
}

// otherNames is what else an event calls who, wherever it names them.
func otherNames(body map[string]any, who string) []string {
	var out []string
	for _, s := range senders {
		var names []string
		found := false
		for _, k := range s.keys {
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
