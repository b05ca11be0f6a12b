package cli

import (
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
)

// Who asked and who voted is told with what proves it: a name alone may be anybody's word.

// describeAsked prints the requester, what proves it, and a warning that people read before a vote.
func describeAsked(w sheet, a approvals.Approval) {
	who := requesterOf(a)
	if who == "" {
		w.field("Requester", "not recorded", "")
		return
	}
	proof := a.Source.RequesterProof
	if a.Resolved != nil {
		proof = a.Resolved.RequesterProof
	}
	w.field("Requester", fmt.Sprintf("%s (%s)", who, proof.Words()), "")
	if a.Resolved != nil && len(a.Resolved.RequesterAliases) > 0 {
		w.field("Also called", strings.Join(a.Resolved.RequesterAliases, ", "), "")
	}
	if _, says := approvals.RequesterNotice(a); says != "" && !a.Decided() {
		w.field("Warning", says, yellow)
	}
}

// provedBy names the way a voter came, the address that it proved, and those with whom the voter
// counts once because of it: a part of a sentence, "" for nothing.
func provedBy(a approvals.Approval, v approvals.Vote) string {
	var out string
	switch {
	case v.AuthMethod == approvals.AuthLink && v.Address != "":
		out = ", via the link mailed to " + v.Address
	case v.AuthMethod == approvals.AuthLink:
		out = ", via mail link"
	case v.Address != "":
		out = ", with the address " + v.Address
	}
	if with := approvals.CountsWith(a, v); len(with) > 0 {
		out += ", counted once together with " + strings.Join(with, ", ")
	}
	return out
}

// describeEndedLinks lists the mailed links that were revoked and decide nothing any more.
func (c *command) describeEndedLinks(w sheet, a approvals.Approval) {
	if len(a.Revoked) > 0 {
		w.heading("Revoked mail links")
	}
	for _, r := range a.Revoked {
		w.item("link of %s, revoked by %s, %s", r.Voter, r.By, c.when(r.At))
	}
}
