package web

import (
	"net/url"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/link"
	"github.com/countersign-dev/countersign/templates"
)

// ForMail is what the mail to one approver shows, with that approver's link. The
// link ends when the Approval does. Without an approver it is what a room or
// another person is shown: the link is the page's, and proves nobody. There is none
// without a login, where it would lead nowhere.
func (d Deps) ForMail(a approvals.Approval, approver string) (templates.Data, error) {
	if approver == "" {
		data := d.Show(a, "")
		if d.Login != nil {
			data.Link = d.pageURL(a)
		}
		return data, nil
	}
	token, err := link.Sign(d.Ring(), link.Claims{
		Namespace: a.Namespace, Name: a.Name, UID: a.UID, Voter: approver, Expires: a.Deadline(),
	})
	if err != nil {
		return templates.Data{}, err
	}
	data := d.Show(a, approver)
	data.Link = strings.TrimSuffix(d.External.String(), "/") + "/links/" + token
	return data, nil
}

// pageURL is where a is shown to whoever has logged in.
func (d Deps) pageURL(a approvals.Approval) string {
	return strings.TrimSuffix(d.External.String(), "/") + "/approvals/" + url.PathEscape(a.Namespace) + "/" + url.PathEscape(a.Name)
}

func trimSlash(s string) string { return strings.TrimSuffix(s, "/") }
