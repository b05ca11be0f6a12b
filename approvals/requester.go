package approvals

import (
	"slices"
	"strings"
)

// RequesterRule is a Gate's rule for the vote of the person who asked.
type RequesterRule string

// The requester rules. Exclude applies only when the requester is known.
const (
	RequesterExclude RequesterRule = "Exclude"
	RequesterAllow   RequesterRule = "Allow"
)

// Proof is the way in which a requester was verified. Without one, the name is what somebody
// wrote who may have an interest in it.
type Proof string

// The proofs.
const (
	NoProof Proof = ""
	// BySignature: the sender's signature over the event that says who asked.
	BySignature Proof = "Signature"
	// ByAdmission: the API server compared the name with anyone who made the run.
	ByAdmission Proof = "Admission"
	// ByApproval: the run was started by an Approval whose requester was proved.
	ByApproval Proof = "Approval"
	// ByPage: they asked on a page of ours.
	ByPage Proof = "Page"
)

// Words says, for people, what the proof is: a part of a sentence behind a name.
func (p Proof) Words() string {
	switch p {
	case NoProof:
		return "not verified: only the run or the event says so"
	case BySignature:
		return "verified by the event's signature"
	case ByAdmission:
		return "verified by the API server"
	case ByApproval:
		return "verified for the previous approval"
	case ByPage:
		return "verified by their login"
	default:
		return "verified by " + string(p)
	}
}

// RequesterIdentity is the requester's name with its proof and all other names of that person.
type RequesterIdentity struct {
	Who   string
	Proof Proof
	Also  []string // what else they are called, by the same source or the directory
}

// RequesterIdentity is the requester's name with its proof and all other names of that person.
func (t *ResolvedSpec) RequesterIdentity() RequesterIdentity {
	return RequesterIdentity{t.Requester, t.RequesterProof, t.RequesterAliases}
}

// Widen is a with what d knows of them.
func (a RequesterIdentity) Widen(d *Directory) RequesterIdentity {
	if a.Who == "" {
		return a
	}
	also := slices.Clone(a.Also)
	for _, x := range append([]string{a.Who}, a.Also...) {
		also = append(also, d.Identities(x)...)
	}
	a.Also = nil
	for _, x := range also {
		if x != "" && !SamePerson(x, a.Who) && !slices.ContainsFunc(a.Also, func(o string) bool { return SamePerson(o, x) }) && len(a.Also) < MaxAlso {
			a.Also = append(a.Also, Cut(x, maxAlso))
		}
	}
	return a
}

// Limits of what else a requester is called; the CRD schema has them too.
const (
	MaxAlso = 64
	maxAlso = 254
)

// is reports whether somebody with one of these names asked.
func (a RequesterIdentity) is(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		return n != "" && (SamePerson(n, a.Who) || slices.ContainsFunc(a.Also, func(x string) bool { return SamePerson(x, n) }))
	})
}

// everyone that id is known as.
func (id Identity) everyone() []string {
	return slices.Concat([]string{id.Name, id.Address}, id.Names, id.Emails, id.Logins)
}

func (p Policy) excludesRequester() bool { return p.Requester != RequesterAllow }

// matchesRequester reports whether id asked for a: by any identity of either, or by the address at
// which the Gate has them told.
func matchesRequester(a Approval, id Identity) bool {
	asked := a.Resolved.RequesterIdentity()
	return asked.Who != "" && (asked.is(id.everyone()...) || a.Resolved.Policy.toldAs(id.Name, asked))
}

// IsRequester reports whether id asked for a.
func IsRequester(a Approval, id Identity) bool {
	return a.Resolved != nil && id.Name != "" && matchesRequester(a, id)
}

// toldAs reports whether name is told at an address of who asked.
func (p Policy) toldAs(name string, asked RequesterIdentity) bool {
	return slices.ContainsFunc(p.People(), func(x Approver) bool {
		return x.Email != "" && SamePerson(x.Name, name) && asked.is(x.Email)
	})
}

// excluded says why id may not cast a vote because they asked, nil when they may. Of
// somebody who is only said to have asked it is their approval alone that is not taken:
// anyone who writes that could otherwise silence a reviewer. Anyone who is proved to have asked
// does not vote, by a name that is theirs and not one that they gave themselves.
func excluded(a Approval, id Identity, v Verdict) error {
	t := a.Resolved
	if !t.Policy.excludesRequester() || !matchesRequester(a, id) {
		return nil
	}
	sure := t.RequesterProof != NoProof && slices.ContainsFunc(id.everyone(), func(n string) bool { return SamePerson(n, t.Requester) })
	switch {
	case sure:
		return refuse(a, id, "you requested this, and %s does not let the requester decide", t.Policy.name())
	case v == Approve && SamePerson(id.Name, t.Requester):
		return refuse(a, id, "you requested this (%s), and %s does not let the requester approve; you can still reject it", t.RequesterProof.Words(), t.Policy.name())
	case v == Approve:
		return refuse(a, id, "you seem to be %s, who requested this (%s), and %s does not let the requester approve; you can still reject it", t.Requester, t.RequesterProof.Words(), t.Policy.name())
	default:
		return nil
	}
}

// CheckAsked says why p takes no request of asked. The error is CodeInvalid.
func (p Policy) CheckAsked(asked RequesterIdentity) error {
	switch {
	case p.Requester != RequesterRequired || asked.Who != "" && asked.Proof != NoProof:
		return nil
	case asked.Who == "":
		return Errorf(CodeInvalid, "%s requires a verified requester, and this request names none: have the event signed (signingSecret), or create the run with annotation countersign.dev/requester under component requester", p.name())
	default:
		return Errorf(CodeInvalid, "%s requires a verified requester, and %s is not verified: have the event signed (signingSecret), or create the run with annotation countersign.dev/requester under component requester",
			p.name(), Cut(asked.Who, maxSaid))
	}
}

// RequesterNotice says what people should know of who asked, "" for nothing: that it is
// not verified, or that it is nobody whom the Gate names.
func RequesterNotice(a Approval) (reason, message string) {
	t := a.Resolved
	if t == nil || t.Requester == "" {
		return "", ""
	}
	asked, p := t.RequesterIdentity(), t.Policy
	matches := slices.ContainsFunc(p.People(), func(x Approver) bool { return asked.is(x.Name) || p.toldAs(x.Name, asked) })
	var says []string
	if t.RequesterProof == NoProof {
		reason = "RequesterNotVerified"
		says = append(says, "the requester "+t.Requester+" is "+t.RequesterProof.Words()+"; they can reject but not approve")
	}
	if p.excludesRequester() && !matches && len(p.People()) > 0 {
		reason = "RequesterMatchesNobody"
		says = append(says, "no approver of the Gate is known as "+t.Requester+": if one of them is the requester, ask an administrator to add that login to the directory")
	}
	return reason, strings.Join(says, "; ")
}
