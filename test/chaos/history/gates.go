package history

import (
	"slices"
	"time"
)

// Robots vote by token and by object; People have links in their mails; Asker only asks.
var (
	Robots = []string{"ann", "bob", "carl", "dora"}
	People = []string{"mia", "max"}
)

// Asker is told of the end of what she asked for.
const Asker = "rita"

// User is the user name of one that is called short, in a run's namespace.
func User(ns, short string) string {
	if short == Asker || slices.Contains(People, short) {
		return short + "@" + Domain(ns)
	}
	return "system:serviceaccount:" + ns + ":" + short
}

// Domain returns the domain of the mailboxes of a run's people.
func Domain(ns string) string { return ns + ".example.com" }

// Gate has what the checker knows of a Gate, by itself.
type Gate struct {
	Who      []string
	Need     int
	Rules    []Rule
	Life     time.Duration
	Release  []string
	OnExpiry string
}

// Rule is one of a Gate's rules, which must all be met, each by people of its own.
type Rule struct {
	Who  []string
	Need int
}

// Gates by name.
var Gates = map[string]Gate{
	"single":   {Who: []string{"ann", "bob", "mia", "max"}, Need: 1, Life: time.Hour, Release: []string{"Approved"}},
	"four":     {Who: []string{"ann", "bob", "carl", "mia"}, Need: 2, Life: time.Hour, Release: []string{"Approved"}},
	"quorum":   {Who: []string{"ann", "bob", "carl", "dora", "mia", "max"}, Need: 3, Life: time.Hour, Release: []string{"Approved"}},
	"rules":    {Rules: []Rule{{[]string{"ann", "bob", "mia"}, 1}, {[]string{"ann", "carl", "dora", "max"}, 2}}, Life: time.Hour, Release: []string{"Approved"}},
	"short":    {Who: []string{"ann", "mia"}, Need: 1, Life: 25 * time.Second, Release: []string{"Approved"}},
	"shortall": {Who: []string{"ann", "bob", "mia"}, Need: 2, Life: 30 * time.Second, Release: []string{"Approved", "Rejected", "Expired"}},
	"auto":     {Who: []string{"ann", "max"}, Need: 1, Life: 20 * time.Second, Release: []string{"Approved"}, OnExpiry: "Approve"},
	// What is only looked at: one of its two people is nobody.
	"probe": {Who: []string{"probe", "nobody"}, Need: 2, Life: 4 * time.Hour, Release: []string{"Approved"}},
}

// GateOf is the name of a Trigger's Gate.
func GateOf(trigger string) string {
	switch trigger {
	case "push":
		return "single"
	case "pushfour":
		return "four"
	}
	return trigger
}

// All returns the short names of those who may decide by a Gate, each once.
func (g Gate) All() []string {
	out := slices.Clone(g.Who)
	for _, r := range g.Rules {
		for _, p := range r.Who {
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// May reports whether a user may cast such a vote by a Gate in a run's namespace. A requester may
// reject and not approve, even one whom nothing proves.
func (g Gate) May(ns, user, verdict, requester string) bool {
	return slices.ContainsFunc(g.All(), func(p string) bool { return User(ns, p) == user }) && (user != requester || verdict != "approve")
}
