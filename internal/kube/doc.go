// Package kube is where the domain meets Kubernetes and Tekton. It has the service's rights
// (rbac.go) and no code: that is in a package for each stage of an Approval's life.
//
//	    a run has succeeded, or an event arrives
//	                    │
//	triggers, gate      │  which Trigger and EventListener, by which policy
//	                    ▼
//	    hold ──────► store ◄──────── vote            decisions that come as objects
//	     │              ▲                approvaltask    tasks that wait for one
//	     │              │
//	preflight       lifecycle ─────► release         posts, writes, starts or answers; at once
//	could it work?      │  ▲             │              by releasequeue, with signedevent, render
//	                    │  └── verifyrun ◄┘           is it the run that was approved?
//	                    ▼
//	                secondrun                        how did that run end?
//	                    │
//	                    ▼
//	         notify, audit                            who is told, what is kept
//
// Beneath them: convert (to and from the domain), identity, keys, servingcert, apiserver,
// pipelinerun, outcome, destination, queue, contain and kubeutil. internal/archtest says
// which may import which.
package kube
