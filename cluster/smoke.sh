#!/usr/bin/env bash
# smoke.sh: shows what the cluster can do; a line for each, and it ends at the first that fails.
# Works in a namespace of its own, which it removes; it may be run again and again, and beside other work.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib/common.sh
. "$here/lib/common.sh"
export KUBECONFIG=$CACHE/kubeconfig PATH=$CACHE/bin:$PATH
[ -e "$KUBECONFIG" ] || die "no cluster is running: cluster/up.sh"
namespace=smoke-$$
cd "$here/smoke"

k() { kubectl --namespace "$namespace" "$@"; }
manifest() { sed "s/NAMESPACE/$namespace/" "$1"; }
cleanup() { kubectl delete "namespace/$namespace" "clusterrolebinding/$namespace" --ignore-not-found --wait=false >/dev/null; }
since=$(now)
passed() {
  printf 'ok %8s  %s\n' "$(elapsed "$since")" "$1"
  since=$(now)
}
failed() {
  printf 'FAILED   %s\n' "$1" >&2
  exit 1
}

# run_of FILE: creates it and waits for its end; RUN_NAME is its name.
run_of() {
  RUN_NAME=$(manifest "$1" | k create -f - -o name)
  succeeded "$RUN_NAME" || failed "$1"
}
succeeded() {
  for _ in $(seq 1200); do
    case $(k get "$1" -o jsonpath='{.status.conditions[0].status}') in
      True) return ;;
      False) break ;;
    esac
    sleep 0.1
  done
  k get "$1" -o yaml >&2
  k get pods >&2
  return 1
}
result_is() { [ "$(k get "$1" -o jsonpath='{.status.results[0].value}')" = "$2" ] || failed "result of $1 is not $2"; }

tasks() {
  k apply -f pipeline.yaml >/dev/null
  run_of trivial.yaml
  passed "PipelineRun of one task"
  run_of run.yaml
  result_is "$RUN_NAME" "HELLO CLUSTER"
  passed "two tasks, git in bash, a result passed on, DNS"
}

# By the Service's name, from a process in the cluster's network. A filtered event must start nothing.
listener() {
  local run
  manifest trigger.yaml | k apply -f - >/dev/null
  k wait --for=condition=Available --timeout=60s eventlistener/push deployment/el-push >/dev/null
  passed "EventListener becomes available"
  [ "$(post refs/heads/main)" = 202 ] || failed "event not accepted"
  [ "$(post refs/heads/other)" = 202 ] || failed "event not accepted"
  for _ in $(seq 100); do
    run=$(k get pipelineruns -o name | grep /push- || true)
    [ -z "$run" ] || break
    sleep 0.1
  done
  succeeded "$run" || failed "triggered run"
  result_is "$run" "HELLO TRIGGER"
  [ "$(k get pipelineruns -o name | grep -c /push-)" = 1 ] || failed "the filtered event started a run"
  passed "event -> CEL filter and overlay -> PipelineRun"
}
post() {
  "$here/in.sh" curl -s -o /dev/null -w '%{http_code}' -m 10 -H 'X-Event: push' -H 'Content-Type: application/json' \
    -d '{"ref": "'"$1"'", "after": "0123456789abcdef", "pusher": {"name": "trigger"}}' \
    "http://el-push.$namespace.svc.cluster.local:8080/"
}

volumes() {
  run_of pvc.yaml
  passed "volume shared by tasks, terraform plan and apply of that plan, onError, finally, sidecar"
  manifest tfbackend.yaml | k apply -f - >/dev/null
  succeeded taskrun/tfbackend || failed tfbackend.yaml
  passed "terraform with its state in a Secret, by its own ServiceAccount"
}

guards() {
  if k apply -f invalid.yaml >/dev/null 2>"$LOG/smoke-invalid.log"; then failed "a cyclic Pipeline was accepted"; fi
  grep -q 'denied the request.*cycle detected' "$LOG/smoke-invalid.log" || failed "$(cat "$LOG/smoke-invalid.log")"
  passed "admission webhook refuses a cyclic Pipeline"
  [ "$(k auth can-i list secrets --as "system:serviceaccount:$namespace:default" || true)" = no ] || failed RBAC
  k auth can-i list secrets --as "system:serviceaccount:$namespace:tf" >/dev/null || failed RBAC
  passed "RBAC"
  k apply -f oom.yaml >/dev/null
  k wait pod/oom --for=jsonpath='{.status.containerStatuses[0].state.terminated.reason}'=OOMKilled --timeout=30s >/dev/null || failed "memory limit"
  passed "memory limit"
}

# Host names, host addresses and the wider world must all be out of reach.
no_way_out() {
  local host
  host=$(ip -4 -o addr show scope global 2>/dev/null | awk '{sub("/.*", "", $4); print $4; exit}')
  for address in 1.1.1.1 ${host:+"$host"}; do
    if "$here/in.sh" timeout 3 bash -c "exec 3<>/dev/tcp/$address/22" 2>"$LOG/smoke-out.log"; then failed "$address can be reached"; fi
    grep -q 'Network is unreachable' "$LOG/smoke-out.log" || failed "$address: $(cat "$LOG/smoke-out.log")"
  done
  if "$here/in.sh" getent hosts example.com >/dev/null; then failed "outside names resolve"; fi
  passed "no way out"
}

resolver() {
  kubectl -n tekton-pipelines-resolvers get deployment tekton-pipelines-remote-resolvers >/dev/null 2>&1 || return 0
  run_of resolver.yaml
  passed "cluster resolver"
}

kubectl create namespace "$namespace" >/dev/null
trap cleanup EXIT
kubectl -n "$namespace" wait --for=create serviceaccount/default --timeout=60s >/dev/null # a run that comes before it fails for good
since=$(now)
tasks
listener
volumes
guards
no_way_out
resolver
echo "all passed in $(elapsed)"
