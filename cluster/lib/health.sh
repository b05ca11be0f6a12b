# shellcheck shell=bash
# Is the cluster really up? Source lib/common.sh, process.sh and node.sh (http_ok) first.

PROGRAMS=(holder etcd kube-apiserver kube-controller-manager kube-scheduler containerd kubelet kube-proxy coredns door-in door-out)

# Silent and quick when all is well; else the first thing wrong is in UNHEALTHY.
# shellcheck disable=SC2034 # UNHEALTHY is for up.sh
healthy() {
  local name
  UNHEALTHY=
  for name in "${PROGRAMS[@]}"; do
    pid_of "$name" >/dev/null || { UNHEALTHY="$name does not run" && return 1; }
  done
  node_healthy || { UNHEALTHY="kubelet, kube-proxy or CoreDNS is not healthy" && return 1; }
  # Through the door, as users come.
  [ "$(kubectl get --raw /readyz --request-timeout=5s 2>/dev/null)" = ok ] || { UNHEALTHY="the API server is not ready" && return 1; }
  tekton_available || { UNHEALTHY="the node is not Ready, or Tekton is not Available" && return 1; }
}

node_healthy() {
  in_cluster curl -sf -m 3 -o /dev/null http://127.0.0.1:10248/healthz -o /dev/null http://127.0.0.1:10256/healthz -o /dev/null http://127.0.0.1:8181/ready &&
    in_cluster ctr --timeout 3s version >/dev/null 2>&1
}

# Each deployment of Tekton and the node answer with one word, and all must be True.
tekton_available() {
  local words
  words=$(kubectl get nodes,deployments --all-namespaces --request-timeout=5s -o jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name}={.status.conditions[?(@.type=="Available")].status}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' 2>/dev/null |
    grep -E "^(/$NODE|tekton-pipelines(-resolvers)?/[^=]*)=") || return 1
  [ "$(wc -l <<<"$words")" -ge 7 ] && ! grep -qv '=True$' <<<"$words"
}
