package templates

import (
	"strconv"

	"github.com/countersign-dev/countersign/approvals"
)

// DiscussionView has the comments without a vote, the oldest first, and the form for a new one.
type DiscussionView struct {
	Comments []CommentView
	// Wanted are the people who asked for changes and have not voted since, each once.
	Wanted []string
	// May: Recipient may comment; Ask: and may ask for changes.
	May, Ask bool
	Said     string // what was typed and not saved
	Seen     string // how many comments the page shows, for the form
	Most     int    // characters that a comment may have
}

// CommentView is one comment.
type CommentView struct {
	By      string
	Display string // what people call By
	Asks    bool   // for changes
	Open    bool   // and they are still wanted
	// Answered: By has voted since.
	Answered bool
	Text     Field
	When     Moment
	Way      approvals.AuthMethod
	Address  string
}

// maxLast bounds the comments in a message. The last of them is its occasion.
const maxLast = 5

// Last are the newest comments, of which a message tells, the oldest first.
func (d DiscussionView) Last() []CommentView { return d.Comments[max(0, len(d.Comments)-maxLast):] }

// Earlier counts those before Last.
func (d DiscussionView) Earlier() int { return len(d.Comments) - len(d.Last()) }

// Newest is the comment that a message is about.
func (d DiscussionView) Newest() CommentView {
	if len(d.Comments) == 0 {
		return CommentView{}
	}
	return d.Comments[len(d.Comments)-1]
}

func discussionView(d Data, r reader, room *room) DiscussionView {
	v := DiscussionView{
		May: d.MayComment && !d.Approval.Decided(), Ask: d.MayAskForChanges, Said: drop(first(d.Said, 4*approvals.MaxComment)), Most: approvals.MaxComment,
		Seen: strconv.Itoa(len(d.Approval.Discussion)),
	}
	for _, c := range d.Approval.Discussion {
		v.Comments = append(v.Comments, CommentView{
			By: line(c.By), Display: d.called(c.By, c.DisplayName), Asks: c.NeedsChanges, Open: c.Open() && !d.Approval.Decided(), Answered: !c.ClearedAt.IsZero(), When: r.moment(c.At), Way: c.AuthMethod, Address: line(c.Address),
			Text: newField(approvals.Param{Value: c.Text}, r, room),
		})
	}
	for _, who := range d.Approval.NeedsChanges() {
		v.Wanted = append(v.Wanted, line(who))
	}
	return v
}
