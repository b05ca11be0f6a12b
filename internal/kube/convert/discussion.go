package convert

import (
	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

func discussionToDomain(list []v1alpha1.Comment) []approvals.Comment {
	var out []approvals.Comment
	for i := range list {
		c := &list[i]
		d := approvals.Comment{
			By: c.By, DisplayName: c.DisplayName, Text: c.Text, NeedsChanges: c.NeedsChanges, At: c.At.Time,
			AuthMethod: approvals.AuthMethod(c.AuthMethod), CredentialID: c.CredentialID, Address: c.Address, ID: c.ID,
		}
		if c.ClearedAt != nil {
			d.ClearedAt = c.ClearedAt.Time
		}
		out = append(out, d)
	}
	return out
}

func discussionToAPI(list []approvals.Comment) []v1alpha1.Comment {
	var out []v1alpha1.Comment
	for _, d := range list {
		c := v1alpha1.Comment{
			By: d.By, DisplayName: d.DisplayName, Text: d.Text, NeedsChanges: d.NeedsChanges, At: *micro(d.At),
			AuthMethod: string(d.AuthMethod), CredentialID: d.CredentialID, Address: d.Address, ID: d.ID,
		}
		if !d.ClearedAt.IsZero() {
			c.ClearedAt = micro(d.ClearedAt)
		}
		out = append(out, c)
	}
	return out
}
