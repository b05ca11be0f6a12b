package openshift

import (
	"maps"
	"strings"

	pipelinev1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	openshiftv1 "github.com/countersign-dev/countersign/api/openshift/v1alpha1"
	"github.com/countersign-dev/countersign/approvals"
	"github.com/countersign-dev/countersign/approvals/tasks"
)

const (
	// annotationApproval names the Approval that an ApprovalTask is a view of. The
	// admission policy keeps it as we wrote it.
	annotationApproval = "countersign.dev/approval"
	// annotationApprovalUID tells two of that name apart.
	annotationApprovalUID = "countersign.dev/approval-uid"
	// labelCustomRun is by what other clients find the ApprovalTask of a run.
	labelCustomRun = "tekton.dev/customRun"
)

// Limits of the CRD schema.
const (
	maxApprovers = 128
	maxRequired  = 1024
	maxText      = 4096
	maxResponses = 256
	maxMembers   = 128
)

// objectOf is the ApprovalTask by which people answer a, in the place of run. Who is
// asked is what the Approval's policy says, and not the run's params.
func objectOf(run *pipelinev1beta1.CustomRun, a approvals.Approval) *openshiftv1.ApprovalTask {
	labels := maps.Clone(run.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[labelCustomRun] = run.Name
	owner := metav1.NewControllerRef(run, pipelinev1beta1.SchemeGroupVersion.WithKind("CustomRun"))
	owner.BlockOwnerDeletion = nil // OpenShift lets only those set it who may change the owner
	return &openshiftv1.ApprovalTask{
		ObjectMeta: metav1.ObjectMeta{
			Name: run.Name, Namespace: run.Namespace, Labels: labels,
			Annotations:     map[string]string{annotationApproval: a.Name, annotationApprovalUID: a.UID},
			OwnerReferences: []metav1.OwnerReference{*owner},
		},
		Spec: openshiftv1.ApprovalTaskSpec{
			Approvers:                 approversOf(*a.Resolved.Policy),
			NumberOfApprovalsRequired: requiredOf(*a.Resolved.Policy),
			Description:               clip(approvals.Printable(tasks.Param(a.Source.Params, "description")), maxText),
		},
	}
}

// approversOf are p's people, then its groups. Who is beyond the schema's bound, or
// an approver by RBAC, has no entry here and decides on the other ways.
func approversOf(p approvals.Policy) []openshiftv1.Approver {
	out := []openshiftv1.Approver{}
	for _, x := range p.People() {
		out = append(out, openshiftv1.Approver{Name: x.Name, Type: openshiftv1.User, Input: openshiftv1.InputPending})
	}
	for _, g := range p.AllGroups() {
		out = append(out, openshiftv1.Approver{Name: g, Type: openshiftv1.Group, Input: openshiftv1.InputPending})
	}
	return out[:min(len(out), maxApprovers)]
}

// requiredOf returns the number of people whom p needs in all.
func requiredOf(p approvals.Policy) int32 {
	n := 0
	for _, r := range p.Requirements() {
		n += r.Required
	}
	return int32(min(n, maxRequired))
}

// clip is as much of s as fits into most bytes.
// clip counts characters, as the schema of the object does.
func clip(s string, most int) string {
	s = strings.ToValidUTF8(s, "")
	for i := range s {
		if most--; most < 0 {
			return s[:i]
		}
	}
	return s
}
