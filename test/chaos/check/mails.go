package check

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/test/chaos/history"
)

// mostMails is the bound that the documentation promises: one mail, and one more when a process dies
// between the mail server's answer and the ledger.
const mostMails = 2

// messageID returns the id that the documentation promises to be the same each time: worked out as
// the product does, so that mails are found whatever they say.
func messageID(uid, event, recipient string) string {
	sum := sha256.Sum256([]byte(uid + "\n" + event + "\nemail\n" + recipient))
	return hex.EncodeToString(sum[:16])
}

// mails: everybody is told of each event at least once, and at most the documented bound.
func (f *Findings) mails(a v1alpha1.Approval, g history.Gate) {
	for _, p := range g.All() {
		if slices.Contains(history.People, p) {
			f.mailed(a, "opened", f.user(p), a.Status.DecidedAt == nil)
		}
	}
	if r := requesterOf(a); r == f.user(history.Asker) {
		f.mailed(a, "decided", r, a.Status.DecidedAt != nil)
	}
}

func (f *Findings) mailed(a v1alpha1.Approval, event, to string, must bool) {
	got := f.ByMessage[messageID(string(a.UID), event, to)]
	ledger := slices.ContainsFunc(a.Status.Notifications, func(n v1alpha1.Notification) bool {
		return n.Event == event && n.Recipient == to && n.SentAt != nil
	})
	f.Notes[fmt.Sprintf("mails %s: sent %d times", event, len(got))]++
	switch {
	case ledger && len(got) == 0:
		f.bad("no mail is lost", a.Name, "%s to %s: the ledger says that it was sent, and it is not in the mailbox", event, to)
	case must && len(got) == 0:
		f.bad("no mail is lost", a.Name, "%s to %s was never sent; ledger %s", event, to, text(a.Status.Notifications))
	case len(got) > mostMails:
		f.bad("at most one more mail", a.Name, "%s to %s came %d times: %s", event, to, len(got), times(got))
	}
	if len(got) > 0 && !ledger {
		f.Notes["mails that were taken and are not in the ledger ("+event+", "+string(a.Status.Outcome)+")"]++
	}
	for _, m := range got {
		if !slices.Contains(m.To, to) {
			f.bad("mails go to whom they are for", a.Name, "%s went to %v, not %s", event, m.To, to)
		}
	}
}

var linkIn = regexp.MustCompile(`/links/([\w.-]+)`)

// LinkOf is the token of the link that a mail has, and the Approval and the voter that it
// says it is for; "" without one.
func LinkOf(mailText string) (token, approval, uid, voter string) {
	m := linkIn.FindStringSubmatch(mailText)
	if m == nil {
		return "", "", "", ""
	}
	var c struct{ N, U, V string }
	head, _, _ := strings.Cut(m[1], ".")
	if b, err := base64.RawURLEncoding.DecodeString(head); err == nil {
		_ = json.Unmarshal(b, &c)
	}
	return m[1], c.N, c.U, c.V
}

// allMails: every mail is about one of ours, to one who may decide it, under the one
// Message-ID.
func (f *Findings) allMails() {
	ids := map[string]string{}
	for _, m := range f.Mails {
		token, name, uid, voter := LinkOf(m.Text)
		if token == "" {
			continue
		}
		a, ok := f.Final[name]
		if !ok || string(a.UID) != uid {
			f.bad("mails are about what is there", name, "uid %s", uid)
			continue
		}
		if !slices.Contains(m.To, voter) {
			f.bad("mails go to whom they are for", name, "a link of %s went to %v", voter, m.To)
		}
		key := name + " " + voter + " " + m.Subject
		if ids[key] == "" {
			ids[key] = m.MessageID
		}
		if ids[key] != m.MessageID {
			f.bad("the same Message-ID", name, "%s to %s: %s and %s", m.Subject, voter, ids[key], m.MessageID)
		}
	}
}
