package templates

import (
	"time"

	"github.com/countersign-dev/countersign/approvals"
)

// polled is told to a Task that polls a ConfigMap.
func polled(d *Data) {
	d.Approval.Resolved.Target = &approvals.Target{Kind: approvals.TargetConfigMap, Name: "approve-cm", Key: "status"}
}

// pendingRun lets a run go that was made before.
func pendingRun(d *Data) {
	d.Approval.Resolved.Target = &approvals.Target{Kind: approvals.TargetPendingRun, Name: "deploy-8d1f0c6", UID: "u", Pipeline: "deploy"}
}

// written has been read back.
func written(d *Data) {
	d.Approval.Effect = &approvals.Effect{What: "ConfigMap approve-cm: status=refused", At: previewNow.Add(-2 * time.Second)}
}
