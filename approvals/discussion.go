package approvals

import (
	"encoding/json"
	"slices"
	"time"
)

// Comment is a contribution to the discussion of a pending Approval. It is not a vote.
type Comment struct {
	By string
	// DisplayName is the name that By's login or chat gave with the credential. It proves nothing.
	DisplayName string
	Text        string
	// NeedsChanges marks a request for changes. It decides nothing: others may still vote, and so
	// may By.
	NeedsChanges bool
	At           time.Time
	AuthMethod   AuthMethod
	CredentialID string
	Address      string // the mailbox that was proved with it, "" for none
	// ID is the sender's own id of it, "" for none. The same id from the same person is the same
	// comment, so that a request can be repeated.
	ID string
	// ClearedAt is the time of By's first vote after a request for changes, which answers it.
	// Zero: By has not voted since, or c asks for no changes.
	ClearedAt time.Time
}

// Limits of a discussion; the CRD schema has the same numbers. It is kept in the Approval,
// beside the votes, and must leave room for them.
const (
	MaxDiscussion   = 50 // of one Approval
	maxCommentsOf   = 20 // of one person
	maxCommentsSoon = 5  // of one person within a minute
	maxDiscussed    = 64 << 10
	maxDiscussedOf  = maxDiscussed / 4 // of one person
	maxCommentID    = 64
	// AskReserve of the comments, and askReserveBytes, are for people who ask for changes and have
	// not yet: anyone who fills the rest silences nobody.
	AskReserve      = 8
	askReserveBytes = maxDiscussed / 4
)

// EventCommented is the Delivery's event that tells of a discussion, with a number behind it.
const EventCommented = "commented"

// mine reports whether id wrote c, by the same rules that find a person's vote.
func (c Comment) mine(id Identity) bool {
	return Vote{Voter: c.By, AuthMethod: c.AuthMethod, CredentialID: c.CredentialID, Address: c.Address}.is(id)
}

// Open reports whether c asks for changes and its writer has not voted since. It does not look at
// the Approval, so it stays true after a decision.
func (c Comment) Open() bool { return c.NeedsChanges && c.ClearedAt.IsZero() }

// NeedsChanges returns the people who asked for changes and have not voted since, each once, the
// earliest first. It is nil after the decision.
func (a Approval) NeedsChanges() []string {
	if a.Decided() {
		return nil
	}
	var out []string
	for _, c := range a.Discussion {
		if c.Open() && !slices.ContainsFunc(out, func(n string) bool { return SamePerson(n, c.By) }) {
			out = append(out, c.By)
		}
	}
	return out
}

// Discusses reports whether v says something and decides nothing.
func (v Verdict) Discusses() bool { return v == Remark || v == AskForChanges }

// MayDiscuss returns nil when id may do v, a Remark or AskForChanges, on a, and the reason
// otherwise. a must be resolved. People who may decide a may do both; the requester may comment
// even where they may not decide.
func MayDiscuss(a Approval, id Identity, v Verdict) error {
	if v == Remark && IsRequester(a, id) && (id.AuthMethod != AuthLink || LinkDecides(a, id)) {
		return nil
	}
	return may(a, id, v)
}

// discuss adds what b says to a's discussion. Anyone who asks for changes takes an approval of
// theirs back in the same write, and is answered by their next vote. What makes it idempotent is
// the id that its sender gave it, or that the same person said the same last.
//
// Errors: those of Cast, and CodeLimited.
func discuss(a Approval, b Ballot, now time.Time) (Approval, Change, error) {
	if i := slices.IndexFunc(a.Discussion, func(c Comment) bool { return b.ID != "" && c.ID == b.ID && c.mine(b.Voter) }); i >= 0 {
		return a, NoChange, nil // however a stands by now
	}
	if err := MayDiscuss(a, b.Voter, b.Verdict); err != nil {
		return a, NoChange, err
	}
	text, err := CleanComment(b.Comment)
	switch {
	case err != nil:
		return a, NoChange, err
	case text == "":
		return a, NoChange, Errorf(CodeInvalid, "the comment is empty: write something and try again")
	case len(b.ID) > maxCommentID || Printable(b.ID) != b.ID:
		return a, NoChange, Errorf(CodeInvalid, "the id of the comment must have at most %d characters, and no control characters", maxCommentID)
	case b.BreakGlass || len(b.Inputs) > 0:
		return a, NoChange, Errorf(CodeInvalid, "a comment has no inputs, and no break-glass: remove them. Your comment was not saved")
	case a.Decided():
		return a, NoChange, notSaved(decided(a))
	case !b.came(now).Before(a.Deadline()):
		return a, NoChange, notSaved(tooLate(a))
	case b.olderThan(a):
		return a, NoChange, Errorf(CodeConflict, "the comment is older than the content that it is about: read the Approval and comment again")
	}
	if err := methodAllowed(a, b.Voter); err != nil {
		return a, NoChange, err
	}
	c := Comment{
		By: b.Voter.Name, DisplayName: b.Voter.DisplayName, Text: text, NeedsChanges: b.Verdict == AskForChanges, At: now, ID: b.ID,
		AuthMethod: b.Voter.AuthMethod, CredentialID: b.Voter.CredentialID, Address: b.Voter.Address,
	}
	if n := len(a.Discussion); n > 0 && b.ID == "" {
		if last := a.Discussion[n-1]; last.mine(b.Voter) && last.Text == c.Text && last.NeedsChanges == c.NeedsChanges && last.ClearedAt.IsZero() {
			return a, NoChange, nil
		}
	}
	if err := tooMuchSaid(a, b.Voter, c, now); err != nil {
		return a, NoChange, err
	}
	// What somebody asked for before they voted takes back no vote that they made since.
	if c.NeedsChanges {
		mine := voteBy(a, b.Voter)
		if err := overtaken(a, b, mine); err != nil {
			return a, NoChange, err
		}
		if mine >= 0 {
			a = withdraw(a, b, now)
		}
	}
	a.Discussion = append(slices.Clone(a.Discussion), c)
	return a, Commented, nil
}

// tooMuchSaid returns an error when c is one comment too many, of its writer or of everybody:
// CodeLimited when a minute's wait helps, else CodeConflict. Bytes are counted as they are stored.
func tooMuchSaid(a Approval, id Identity, c Comment, now time.Time) error {
	size, ofMine, mine, soon, asked := c.size(), c.size(), 0, 0, false
	for _, x := range a.Discussion {
		n := x.size()
		size += n
		if x.mine(id) {
			ofMine += n
			mine++
			asked = asked || x.Open()
			if now.Sub(x.At) < time.Minute {
				soon++
			}
		}
	}
	most, mostBytes := MaxDiscussion-AskReserve, maxDiscussed-askReserveBytes
	if c.NeedsChanges && !asked {
		most, mostBytes = MaxDiscussion, maxDiscussed
	}
	switch {
	case mine >= maxCommentsOf:
		return Errorf(CodeConflict, "you already wrote %d comments here, which is the limit; your comment was not saved", mine)
	case soon >= maxCommentsSoon:
		return Errorf(CodeLimited, "you wrote %d comments within a minute; your comment was not saved. Wait a minute and try again", soon)
	case ofMine > maxDiscussedOf:
		return Errorf(CodeConflict, "your comments here together would have %d bytes and the limit is %d; your comment was not saved. Shorten it and try again", ofMine, maxDiscussedOf)
	case len(a.Discussion) >= most:
		return Errorf(CodeConflict, "there are already %d comments here, which is the limit; your comment was not saved. You can still decide, with a comment", len(a.Discussion))
	case size > mostBytes:
		return Errorf(CodeConflict, "all comments here together would have %d bytes and the limit is %d; your comment was not saved. Shorten it and try again", size, mostBytes)
	}
	return nil
}

// size returns the bytes of c's texts in the stored object. JSON writes some characters of Text as
// six bytes.
func (c Comment) size() int {
	n := len(c.By) + len(c.DisplayName) + len(c.CredentialID) + len(c.Address) + len(c.ID)
	text, _ := json.Marshal(c.Text) // a string can't fail
	return n + len(text)
}

// answered is a after a vote of id: the changes that they asked for are not wanted any more.
func answered(a Approval, id Identity, now time.Time) Approval {
	for i, c := range a.Discussion {
		if c.Open() && c.mine(id) {
			a.Discussion = slices.Clone(a.Discussion)
			a.Discussion[i].ClearedAt = now
		}
	}
	return a
}

// notSaved adds to why an Approval takes nothing any more that it has not taken this comment.
func notSaved(err *Error) error {
	err.Message += ". Your comment was not saved"
	return err
}
