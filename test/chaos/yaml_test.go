//go:build chaos

package chaos

// triggerYAML has a Trigger's name, its interceptors, and the value of what only held events
// have beside.
const triggerYAML = `
apiVersion: triggers.tekton.dev/v1beta1
kind: Trigger
metadata: {name: %[1]s}
spec:
  interceptors:
%[2]s
  bindings:
    - {name: run, value: $(extensions.countersign.run)}
    - {name: approval, value: $(extensions.countersign.approval.name)}
    - {name: outcome, value: $(extensions.countersign.outcome)}
    - {name: version, value: $(extensions.countersign.params.version)}
    - {name: decision, value: $(extensions.countersign.results.decision)}
    - {name: comment, value: $(extensions.countersign.results.comment)}
    - {name: approved-by, value: $(extensions.countersign.results.approvedBy)}
    - {name: rejected-by, value: $(extensions.countersign.results.rejectedBy)}
    - {name: extra, value: %[3]s}
  template: {ref: part-2}`

// runLine waits for the Gate's own pipeline.
const runLine = `    - ref: {kind: ClusterInterceptor, name: countersign}
      params:
        - {name: gate, value: %[1]s}
        - {name: after, value: {pipeline: part-1-%[1]s}}
        - {name: forward, value: {version: "params.version"}}`

// Stock interceptors before and after ours: an event passes all three to be held, and
// again to be released.
const pushLine = `    - ref: {kind: ClusterInterceptor, name: cel}
      params:
        - {name: filter, value: "body.kind == 'push'"}
    - ref: {kind: ClusterInterceptor, name: countersign}
      params:
        - {name: gate, value: %[1]s}
        - {name: requester, value: "body.who"}
        - {name: forward, value: {version: "body.version"}}
    - ref: {kind: ClusterInterceptor, name: cel}
      params:
        - {name: overlays, value: [{key: extra, expression: "'x-' + body.version"}]}`

// templateYAML has what is started, and the rights of those who start it, vote by kubectl and operate.
const templateYAML = `
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: part-2}
spec:
  params: [{name: run}, {name: approval}, {name: outcome}, {name: version}, {name: decision}, {name: comment}, {name: approved-by}, {name: rejected-by}, {name: extra}]
  resourcetemplates:
    - apiVersion: tekton.dev/v1
      kind: PipelineRun
      metadata: {name: $(tt.params.run), labels: {approval: $(tt.params.approval)}}
      spec:
        managedBy: countersign.dev/test
        pipelineRef: {name: part-2}
        params:
          - {name: version, value: $(tt.params.version)}
          - {name: outcome, value: $(tt.params.outcome)}
          - {name: decision, value: $(tt.params.decision)}
          - {name: comment, value: $(tt.params.comment)}
          - {name: approved-by, value: $(tt.params.approved-by)}
          - {name: rejected-by, value: $(tt.params.rejected-by)}
          - {name: extra, value: $(tt.params.extra)}
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: part-1-single}
spec:
  params: [{name: version}]
  tasks:
    - name: build
      taskSpec:
        steps: [{name: build, image: "cluster.local/busybox:1", script: "exit 0"}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: voter}
rules: [{apiGroups: [countersign.dev], resources: [votes], verbs: [create, get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: voter}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: voter}
subjects: [{kind: ServiceAccount, name: ann}, {kind: ServiceAccount, name: bob}, {kind: ServiceAccount, name: carl}, {kind: ServiceAccount, name: dora}, {kind: ServiceAccount, name: eve}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: operator}
rules: [{apiGroups: [countersign.dev], resources: [approvals/status], verbs: [update]}, {apiGroups: [countersign.dev], resources: [approvals], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: operator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: operator}
subjects: [{kind: ServiceAccount, name: op}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: metrics-NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: countersign-metrics-reader}
subjects: [{kind: ServiceAccount, name: metrics, namespace: NAMESPACE}]
`
