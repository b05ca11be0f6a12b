package web

import (
	"strings"

	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/link"
	"github.com/countersign-dev/countersign/templates"
)

// ForMail is what the mail to one approver shows, with that approver's link. The
// link ends when the Approval does.
func (d Deps) ForMail(a approvals.Approval, approver string) (templates.Data, error) {
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

func trimSlash(s string) string { return strings.TrimSuffix(s, "/") }
