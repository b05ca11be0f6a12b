// Package kube is where the domain meets Kubernetes and Tekton: it keeps
// Approvals as objects, reads Triggers, EventListeners and runs, posts the signed
// event and sees what came of it. It knows no pages, mails or HTTP clients of
// people.
package kube
