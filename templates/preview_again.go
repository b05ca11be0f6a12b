package templates

import "github.com/countersign-dev/countersign/approvals"

const previewChanged = "trigger terraform-apply, its bindings or its template changed after terraform-apply-abcdefghijkl was opened: what was approved is not what would run"

func cantStart(d *Data) {
	d.Approval.Preflight = approvals.NewPreflight([]approvals.Problem{
		{Reason: "TemplateError", Message: "template terraform-apply declares param DIGEST, and no binding of trigger terraform-apply gives it: did you mean digest? add a binding of that name, or give it a default"},
		{Reason: "Forbidden", Message: "service account infra/listener may not create pipelineruns.tekton.dev in namespace infra: bind it to ClusterRole tekton-triggers-eventlistener-roles there"},
	})
}

func warned(d *Data) {
	d.Approval.Preflight = approvals.NewPreflight([]approvals.Problem{{
		Reason: approvals.ReasonTextInScript, Message: "the comment, which an approver types, would be put into the script of step announce of task tell, where it can become code: pass it by env",
	}})
}

func askedAgain(d *Data) {
	d.Approval.Replaces = &approvals.Replacement{Name: "terraform-apply-mnopqrstuvwx", UID: "before", Number: 1}
}

func changed(d *Data) {
	d.Approval.SupersededBy = "terraform-apply-mnopqrstuvwx"
	d.Approval.Preflight = approvals.NewPreflight([]approvals.Problem{{Reason: approvals.ReasonContentChanged, Message: previewChanged}})
}

func changedAfter(d *Data) {
	d.Approval.Unreleased = &approvals.Problem{Reason: approvals.ReasonContentChanged, Message: previewChanged}
}

func lapsed(d *Data) {
	d.Approval.Outcome, d.Approval.DecidedAt = approvals.Expired, previewNow
	d.Decidable = false
}
