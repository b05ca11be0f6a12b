package approvals

import (
	"encoding/json"
	"slices"
	"time"
)

// Comment is what somebody said of a pending Approval without deciding it.
type Comment struct {
	By string
	// DisplayName is what By was called where they came from; it proves nothing.
	DisplayName string
	Text        string
	// NeedsChanges says that By wants something changed first. It decides nothing: others may
	// go on, and so may By.
	NeedsChanges bool
	At           time.Time
	AuthMethod   AuthMethod
	CredentialID string
	Address      string // the mailbox that was proved with it, "" for none
	// ID is what its sender called it: the same again is the same comment.
	ID string
	// ClearedAt is when By voted after asking for changes, zero while changes are wanted.
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

// mine says whether c is this person's, by the same rules as a vote.
func (c Comment) mine(id Identity) bool {
	return Vote{Voter: c.By, AuthMethod: c.AuthMethod, CredentialID: c.CredentialID, Address: c.Address}.is(id)
}

// Open says whether the changes that c asks for are still wanted, while its Approval is pending.
func (c Comment) Open() bool { return c.NeedsChanges && c.ClearedAt.IsZero() }

// NeedsChanges are the people who want something changed before a is decided, each once.
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

// MayDiscuss says why id may not comment on a, which is resolved, or nil: those may who may
// decide it, and anyone who requested it. Changes are for those to ask for who may decide.
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
	case !b.Made.IsZero() && (b.Made.Before(a.OpenedAt) || b.Made.Before(a.Resolved.ResolvedAt)):
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
		if err := overtaken(a, b, voteBy(a, b.Voter)); err != nil {
			return a, NoChange, err
		}
	}
	if v := a.VoteOf(b.Voter); c.NeedsChanges && v != nil {
		a = withdraw(a, b, now)
	}
	a.Discussion = append(slices.Clone(a.Discussion), c)
	return a, Commented, nil
}

// tooMuchSaid says why c is one comment too many: of its writer, or of all. Bytes are counted as
// they are stored.
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

// size is how many bytes c has in the object, where some characters are written as six.
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
