package web

import (
	"net/url"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/link"
	"github.com/countersign-dev/countersign/templates"
)

// ForMail is what the mail to one approver shows, with the link that proves its address.
// The link ends when the Approval does. Without an approver, and for one whose link was
// ended, it is what a room or another person is shown: the link is the page's, and proves
// nobody. There is none without a login, where it would lead nowhere.
func (d Deps) ForMail(a approvals.Approval, approver, address string) (templates.Data, error) {
	if approver == "" || approvals.LinkRevokedOf(a, approver) {
		data := d.Show(a, "")
		if d.Login != nil {
			data.Link = d.pageURL(a)
		}
		return data, nil
	}
	token, err := link.Sign(d.Ring(), link.Claims{
		Namespace: a.Namespace, Name: a.Name, UID: a.UID, Voter: approver, Address: address, Expires: a.Deadline(),
	})
	if err != nil {
		return templates.Data{}, err
	}
	data := d.showTo(a, d.People.Know(approvals.Identity{Name: approver, AuthMethod: approvals.AuthLink, Address: address}))
	data.Link = strings.TrimSuffix(d.External.String(), "/") + "/links/" + token
	data.Shows = !approvals.LinkDecides(a, d.People.Know(approvals.Identity{Name: approver, AuthMethod: approvals.AuthLink, Address: address}))
	return data, nil
}

// pageURL is where a is shown to anyone who has logged in.
func (d Deps) pageURL(a approvals.Approval) string {
	return strings.TrimSuffix(d.External.String(), "/") + "/approvals/" + url.PathEscape(a.Namespace) + "/" + url.PathEscape(a.Name)
}

func trimSlash(s string) string { return strings.TrimSuffix(s, "/") }
