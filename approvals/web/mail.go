package web

import (
	"net/url"
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/link"
	"github.com/countersign-dev/countersign/templates"
)

// ForMail returns the data of the mail to one approver, with the link that verifies its
// address. The link ends with the Approval. Without an approver, and for one whose link was
// revoked, it is the data for a channel or another person: the link leads to the page and
// verifies nobody. Without a login there is none, because it would lead nowhere.
func (d Deps) ForMail(a approvals.Approval, approver, address string) (templates.Data, error) {
	zone, language := d.People.ZoneFor(a, approver, address), templates.Match(d.People.LanguageFor(a, approver, address))
	if approver == "" || approvals.LinkRevokedOf(a, approver) {
		data := d.Show(a, "")
		data.Zone, data.Language = zone, language
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
	data.Link, data.Zone = strings.TrimSuffix(d.External.String(), "/")+"/links/"+token, zone
	data.Language = language
	data.Shows = !approvals.LinkDecides(a, d.People.Know(approvals.Identity{Name: approver, AuthMethod: approvals.AuthLink, Address: address}))
	return data, nil
}

// pageURL returns the address of a's page, for people who are signed in.
func (d Deps) pageURL(a approvals.Approval) string {
	return strings.TrimSuffix(d.External.String(), "/") + "/approvals/" + url.PathEscape(a.Namespace) + "/" + url.PathEscape(a.Name)
}

func trimSlash(s string) string { return strings.TrimSuffix(s, "/") }
