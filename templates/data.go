package templates

import (
	"strings"
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// Data is what every page and message is given: the documented contract of the
// templates. Text in it is as people typed it; each template escapes for its
// own format.
type Data struct {
	// Approval is what is asked. Its Resolved may be nil (Blocked says why).
	Approval approvals.Approval
	// Shown are the part-1 results that the Gate puts before the approver as
	// text, e.g. a plan. They may hold ANSI colours and many lines.
	Shown []approvals.Param
	// Evidence is what the Gate has people decide on.
	Evidence []Evidence
	// Recipient is who reads this: the link's owner. "" when nobody is known.
	Recipient string
	// Address is the mailbox that was proved, "" for none; ByLink, that it was by a link.
	Address string
	ByLink  bool
	// Shows says that Recipient's link shows this and does not decide it; WhyNot says why.
	Shows bool
	// Session says that Recipient has logged in: the page leads to the board and
	// to the way out.
	Session bool
	// Live says that the page may update itself, by a script of ours.
	Live bool
	// Dashboard leads from a run to where its logs are.
	Dashboard Dashboard
	// Operator says that Recipient looks after the service there: may cancel, and have
	// what failed tried again.
	Operator bool
	// Reason is what was typed for a cancellation, put back into the form after Trouble.
	Reason string
	// Chain is the delivery that this is a part of, nil where it is not shown.
	Chain *Chain
	// LogIn is where the visitor can log in to decide, "" when they need not.
	LogIn string
	// Display is what people call somebody whom name proves, "" where that is not known: own is
	// what they were called where they came from. Nil: nobody is called anything.
	Display func(name, own string) string
	// Zone is the time zone of a message's times, nil for UTC. Pages show each reader's own.
	Zone *time.Location
	// Decidable says that Recipient may vote now; WhyNot says why not.
	Decidable bool
	WhyNot    string
	// NoApproval says why Recipient may reject and not approve, "" when they may both.
	NoApproval string
	// Agreed is what those before have filled in, which is fixed, and AgreedBy the first.
	Agreed   []approvals.Param
	AgreedBy string
	// Links are the people whose mailed links Recipient may end.
	Links []string
	// Filled is what the person had filled in, put back into the form after Trouble.
	Filled []approvals.Param
	// MyVote is Recipient's live vote, nil without one.
	MyVote *approvals.Vote
	// Notice is what just happened, e.g. "Your approval was recorded."
	Notice string
	// Result is what came of the last request, for machines; "" when it is Trouble.
	Result approvals.Change
	// Trouble is what went wrong with the last request and what to do.
	Trouble string
	// MayComment says that Recipient may comment without a vote, MayAskForChanges that they may
	// ask for changes. Saying: the last request was a comment, and Said what it said, after Trouble.
	MayComment, MayAskForChanges bool
	Saying                       bool
	Said                         string
	// Comment is what the person had typed, put back into the form after Trouble.
	Comment string
	// News is what a message tells: "opened", "reminder", "escalated" or
	// "decided". "" on a page.
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

// called is what people call somebody, as it is shown behind the name.
func (d Data) called(name, own string) string {
	if d.Display == nil {
		return ""
	}
	return line(d.Display(name, own))
}

// named is a name and what people call it, in one text.
func (d Data) named(name, own string) string {
	if c := d.called(name, own); c != "" {
		return line(name) + " (" + strings.NewReplacer("(", "[", ")", "]").Replace(c) + ")"
	}
	return line(name)
}
