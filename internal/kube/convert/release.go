package convert

import (
	"cmp"

	"github.com/countersign-dev/countersign/api/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
)

// The schema's defaults, for a policy that stands in a Trigger.
const (
	defaultKey = "status"
	defaultRun = "body.run"
)

func releaseToDomain(r *v1alpha1.Release) approvals.Release {
	switch {
	case r == nil:
		return approvals.Release{}
	case r.ConfigMap != nil && r.PendingRun == nil:
		return approvals.Release{Kind: approvals.TargetConfigMap, Name: r.ConfigMap.Name, Key: cmp.Or(r.ConfigMap.Key, defaultKey)}
	case r.PendingRun != nil && r.ConfigMap == nil:
		return approvals.Release{Kind: approvals.TargetPendingRun, Name: cmp.Or(r.PendingRun.Name, defaultRun)}
	default:
		return approvals.Release{Kind: "neither or both"} // Validate refuses it
	}
}

func releaseToAPI(r approvals.Release) *v1alpha1.Release {
	switch r.Kind {
	case approvals.TargetConfigMap:
		return &v1alpha1.Release{ConfigMap: &v1alpha1.ConfigMapRelease{Name: r.Name, Key: r.Key}}
	case approvals.TargetPendingRun:
		return &v1alpha1.Release{PendingRun: &v1alpha1.PendingRunRelease{Name: r.Name}}
	default:
		return nil
	}
}
