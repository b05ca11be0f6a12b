package main

// examples are a whole object of each kind that people write.
var examples = map[string]string{
	"Gate": `apiVersion: countersign.dev/v1alpha1
kind: Gate
metadata: {name: production, namespace: shop}
spec:
  approvers:
    users: [{name: bob@example.com, email: bob@example.com}]
    groups: [platform-leads]
  strategy: QUORUM
  required: 2
  expiresAfter: 24h
`,
	"Vote": `apiVersion: countersign.dev/v1alpha1
kind: Vote
metadata: {generateName: approve-, namespace: shop}
spec:
  approval: deploy-abcdefghijkl
  voter: bob@example.com
  verdict: approve
  comment: Checked with the network team.
`,
	"Delegation": `apiVersion: countersign.dev/v1alpha1
kind: Delegation
metadata: {generateName: away-, namespace: shop}
spec:
  from: bob@example.com
  to: carol@example.com
  until: "2026-12-24T18:00:00Z"
`,
}
