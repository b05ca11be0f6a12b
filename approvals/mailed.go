package approvals

import (
	"slices"
	"time"
)

// A mailed link proves that anyone who has it reads a mailbox. Whose that is the Gate does
// not prove: its author wrote there where somebody is told.

// Revocation is the end of one person's mailed link, before its time.
type Revocation struct {
	Voter string // whose link
	By    string // who ended it
	At    time.Time
}

// MaxRevoked bounds the links of one Approval that can be ended; the CRD schema has it
// too. It is as many as people are mailed.
const MaxRevoked = 128

// maxEvidence is of a vote's evidence in the API.
const maxEvidence = 253

// LinkRevoked is the change that ends a link.
const LinkRevoked Change = "link revoked"

// owns reports whether an address is known to be id's: their name, or by the Directory.
func (id Identity) owns(address string) bool {
	return SameAddress(address, id.Name) || slices.ContainsFunc(id.Emails, func(e string) bool { return SameAddress(e, address) })
}

// linkDecides says why id's mailed link shows a and does not decide it, nil when it does.
func linkDecides(a Approval, id Identity) error {
	p := *a.Resolved.Policy
	switch r := revoked(a, id.Name); {
	case r != nil:
		return Errorf(CodeForbidden, "this link was revoked by %s at %s; sign in to decide", r.By, r.At.UTC().Format(time.RFC3339))
	case id.LinkEnded != "":
		return Errorf(CodeForbidden, "%s", id.LinkEnded)
	case p.LinkNeedsLogin:
		return Errorf(CodeForbidden, "%s does not accept votes by mail link: sign in to decide", p.name())
	case !id.owns(id.Address):
		return Errorf(CodeForbidden, "this link was mailed to %s, and only %s says that this is the address of %s, so it can't be used to decide: sign in as %s, or ask an administrator to add the address to the directory",
			mailedTo(id), p.name(), id.Name, id.Name)
	}
	return nil
}

// LinkDecides reports whether id's mailed link is good for a vote on a.
func LinkDecides(a Approval, id Identity) bool { return a.Resolved != nil && linkDecides(a, id) == nil }

func mailedTo(id Identity) string {
	if id.Address == "" {
		return "an unknown address"
	}
	return id.Address
}

func revoked(a Approval, voter string) *Revocation {
	if i := slices.IndexFunc(a.Revoked, func(r Revocation) bool { return SameName(r.Voter, voter) }); i >= 0 {
		return &a.Revoked[i]
	}
	return nil
}

// LinkRevokedOf reports whether somebody's link on a was ended.
func LinkRevokedOf(a Approval, voter string) bool { return revoked(a, voter) != nil }

// linkOf is the approver whose link id means by a name or an address, and whether that is
// id's own. A name comes first. Of one address that several are told at nobody can say
// whose link is meant: that is the error.
func linkOf(p Policy, id Identity, of string) (who string, own bool, err error) {
	mailed := slices.DeleteFunc(p.People(), func(a Approver) bool { return a.Email == "" })
	found := matching(mailed, func(a Approver) bool { return SameName(a.Name, of) })
	if len(found) == 0 {
		found = matching(mailed, func(a Approver) bool { return SameAddress(a.Email, of) })
	}
	if len(found) == 0 && id.named(of) { // by another name of theirs
		found = matching(mailed, func(a Approver) bool { return id.named(a.Name) })
	}
	switch len(found) {
	case 0:
		return of, id.named(of), nil
	case 1:
		return found[0], id.named(found[0]), nil
	}
	return of, slices.ContainsFunc(found, id.named),
		Errorf(CodeInvalid, "%q matches %d links: give the name of one approver as the gate lists it; nothing was changed", Cut(of, maxSaid), len(found))
}

// named reports whether name is id's. A link proves an address: of its person no other name.
func (id Identity) named(name string) bool {
	return id.Name != "" && (SameName(id.Name, name) ||
		id.AuthMethod != AuthLink && slices.ContainsFunc(id.Names, func(n string) bool { return SameName(n, name) }))
}

// matching are the names of those in people for whom is holds.
func matching(people []Approver, is func(Approver) bool) []string {
	var out []string
	for _, a := range people {
		if is(a) {
			out = append(out, a.Name)
		}
	}
	return out
}

// RevokeLink ends one person's mailed link on a, and takes back the vote that was cast by
// it while a is pending: anyone who ends a link does not believe in what it did. Ended twice
// is ended once; its key is the person's name.
//
// Errors: CodeInvalid (nobody was mailed a link by that name), CodeConflict (a has ended).
func RevokeLink(a Approval, voter string, by Identity, now time.Time) (Approval, Change, error) {
	switch {
	case a.Resolved == nil:
		return a, NoChange, notReady(a)
	case a.Decided():
		return a, NoChange, Errorf(CodeConflict, "it is already decided, and its links no longer work; nothing was changed")
	case !slices.ContainsFunc(a.Resolved.Policy.People(), func(p Approver) bool { return SameName(p.Name, voter) && p.Email != "" }):
		return a, NoChange, Errorf(CodeInvalid, "no link was mailed to %q: name an approver of the gate who is notified by mail; nothing was changed", Cut(voter, maxSaid))
	case revoked(a, voter) != nil:
		return a, NoChange, nil
	case len(a.Revoked) >= MaxRevoked:
		return a, NoChange, Errorf(CodeConflict, "%d links were already revoked, which is the limit: cancel the approval instead; nothing was changed", MaxRevoked)
	}
	a.Revoked = append(slices.Clone(a.Revoked), Revocation{Voter: voter, By: by.Name, At: now})
	for _, v := range a.Votes {
		if v.AuthMethod == AuthLink && SameName(v.Voter, voter) {
			return takeBack(a, v, Cut("link revoked by "+by.Name, maxEvidence), now), LinkRevoked, nil
		}
	}
	return a, LinkRevoked, nil
}

// LinkNotices says whose links show and do not decide, and why: a line for each.
func (p Policy) LinkNotices(d *Directory) []string {
	var out []string
	if p.LinkNeedsLogin {
		return nil
	}
	for _, a := range p.People() {
		if a.Email != "" && !d.Owns(a.Name, a.Email) {
			out = append(out, "the link that is mailed to "+a.Email+" can't be used to decide as "+a.Name+
				", because only the Gate says that this is their address. List them by the address, or ask an administrator to add it to the service's directory")
		}
	}
	return out
}
