package store

import (
	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/keyring"
)

// NameOfRun is the name of the run that o starts, "" for what starts none of its own. attempt
// counts those that it started before: each has a name of its own, and each is started once.
//
// It can't be known before the EventListener makes that run, and is stored nowhere until
// the run was seen: anyone who may create PipelineRuns could else be the first to make one
// of that name. by is the one key that o was signed with, and no newer one, so the name is
// the same before and after a rotation of keys and in every replica: that makes posting
// again start nothing twice. o's UID is the API server's: another Approval of the same
// name has a run of its own.
func NameOfRun(by keyring.Ring, o *v1alpha1.Approval, attempt int) approvals.Unsaid {
	if o.Spec.Resolved == nil || o.Spec.Resolved.Target != nil || o.Spec.Source.CustomRun != nil || o.UID == "" {
		return ""
	}
	return approvals.NameOfRun(o.Spec.Trigger, by.Sign(keyring.Run, []byte(approvals.Digest("run", string(o.UID), attempt))))
}
