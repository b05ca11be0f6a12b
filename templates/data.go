package templates

import (
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Data is the input of every page and message: the documented contract of the templates. Text in
// it is as people typed it; each template escapes for its own format.
type Data struct {
	// Approval is the subject. Its Resolved is nil until the Gate is read, and Blocked then has the
	// reason if it can't be.
	Approval approvals.Approval
	// Shown are the part-1 results that the Gate puts before the approver as
	// text, e.g. a plan. They may hold ANSI colours and many lines.
	Shown []approvals.Param
	// Evidence is the evidence that the Gate lists.
	Evidence []Evidence
	// Recipient is the name of the reader: on a page the one whom the link or the login proves, in
	// a mail the addressee. "" when nobody is known, as in a chat channel.
	Recipient string
	// Address is the mailbox that was proved, "" for none; ByLink, that it was by a link.
	Address string
	ByLink  bool
	// Shows: Recipient's link shows the page, but can't be used to decide. WhyNot has the reason.
	Shows bool
	// Session: Recipient has logged in, so that the page has links to the board and for logging
	// out.
	Session bool
	// Live: the page gets events, and updates itself by a script of ours. Without it a pending page
	// polls.
	Live bool
	// Dashboard makes the link from a run to its logs; "" makes none.
	Dashboard Dashboard
	// Operator: Recipient operates the service in the Approval's namespace, and so may cancel, and
	// retry after a failure.
	Operator bool
	// Reason is the text that was typed for a cancellation, put back into the form after Trouble.
	Reason string
	// Chain is the delivery that this is a part of, nil where it is not shown.
	Chain *Chain
	// LogIn is the address at which the visitor can log in to decide, "" when that is not needed.
	LogIn string
	// Display returns the display name for a verified name, "" where there is none. own is the one
	// that came with the credential, "" for none. A nil Display knows nobody.
	Display func(name, own string) string
	// Zone is the time zone of a message's times, nil for UTC. Pages show each reader's own.
	Zone *time.Location
	// Language is the one that the page or message is in, of Languages; "" for English.
	Language string
	// Decidable: Recipient may vote now. Otherwise WhyNot has the reason.
	Decidable bool
	WhyNot    string
	// NoApproval is the reason why Recipient may reject but not approve, "" when they may do both
	// or neither.
	NoApproval string
	// Agreed are the inputs that earlier approvals fixed, and AgreedBy is the first who approved.
	// "": nothing is fixed.
	Agreed   []approvals.Param
	AgreedBy string
	// Links are the people whose mailed links Recipient may end.
	Links []string
	// Filled are the inputs of the refused request, put back into the form after Trouble.
	Filled []approvals.Param
	// MyVote is Recipient's live vote, nil without one.
	MyVote *approvals.Vote
	// Notice is a sentence about the effect of the last request, e.g. "Your approval was recorded."
	Notice string
	// Result is the effect of the last request, for programs; "" when there is Trouble.
	Result approvals.Change
	// Trouble is the reason why the last request was refused, with what to do; "" for none.
	Trouble string
	// MayComment: Recipient may comment without a vote. MayAskForChanges: they may ask for changes.
	// Saying: the last request was a comment, and Said is its text, put back after Trouble.
	MayComment, MayAskForChanges bool
	Saying                       bool
	Said                         string
	// Comment is the comment of the refused vote, put back into the form after Trouble.
	Comment string
	// News is the occasion of a message, with the values of notify.Kind: "opened", "reminder",
	// "escalated", "commented", "decided" or "run-ended". "" on a page.
	News string
	// Link is the absolute URL of the page for Recipient (mail only).
	Link string
	// Action is the path that the page's form posts to.
	Action string
	// Base is the path prefix that the service is served under, "" or "/x".
	Base string
	// Now is the time of rendering.
	Now time.Time
}

// reader is for whom it is rendered.
func (d Data) reader() reader {
	r := newReader(d.Now, d.Language)
	if d.Zone != nil {
		r.now, r.zone = d.Now.In(d.Zone), d.Zone
	}
	return r
}

// called returns the display name that is shown behind a name, on one line; "" for none.
func (d Data) called(name, own string) string {
	if d.Display == nil {
		return ""
	}
	return line(d.Display(name, own))
}

// named returns a name, with the display name in parentheses behind it. Parentheses in that become
// brackets, so that it can't look like the end of the name.
func (d Data) named(name, own string) string {
	if c := d.called(name, own); c != "" {
		return line(name) + " (" + strings.NewReplacer("(", "[", ")", "]").Replace(c) + ")"
	}
	return line(name)
}
