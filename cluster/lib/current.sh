#!/usr/bin/env bash
# CLUSTER=current: what does the cluster of the current kubeconfig lack? One line for each thing, with how to mend it;
# ends with 1 if there is any. Changes nothing.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
PATH=$PATH:$CACHE/bin # for the kubectl that assets.sh built, if the machine has none
MIN_KUBERNETES=30     # 1.30: ValidatingAdmissionPolicy is v1
k() { kubectl --request-timeout=10s "$@"; }

LACKING=0
lacks() { # WHAT HOW
  LACKING=$((LACKING + 1))
  printf 'missing: %s\n         %s\n' "$1" "$2"
}
has() { printf 'ok:      %s\n' "$1"; }
finish() {
  [ "$LACKING" = 0 ] && exit
  echo "$LACKING missing"
  exit 1
}

check_api() {
  local version minor
  if ! command -v kubectl >/dev/null; then
    lacks "kubectl" "install it, or build one: cluster/assets.sh && export PATH=$CACHE/bin:\$PATH"
    finish
  fi
  if ! version=$(k version -o json 2>"$tmp/err"); then
    lacks "the API server of context '$(kubectl config current-context 2>/dev/null || echo none)' cannot be reached: $(tail -n 1 "$tmp/err")" \
      "check KUBECONFIG and 'kubectl config get-contexts', or use a cluster of your own machine: cluster/up.sh without CLUSTER=current"
    finish
  fi
  version=$(sed -n '/"serverVersion"/,$s/.*"gitVersion": "\([^"]*\)".*/\1/p' <<<"$version")
  minor=${version#v1.}
  if [ "${minor%%.*}" -ge $MIN_KUBERNETES ]; then
    has "API server of context '$(kubectl config current-context)', Kubernetes $version"
  else
    lacks "Kubernetes 1.$MIN_KUBERNETES or newer (this is $version)" "upgrade the cluster: votes by kubectl are guarded by a ValidatingAdmissionPolicy"
  fi
}

# tekton NAME INFO INSTALL_URL CRD...
check_tekton() {
  local name=$1 info=$2 url=$3 crd missing=() version
  shift 3
  for crd in "$@"; do
    grep -qx "$crd" "$tmp/served" || missing+=("$crd")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    lacks "Tekton $name: ${missing[*]}" "kubectl apply -f $url"
    return
  fi
  version=$(k -n tekton-pipelines get configmap "$info" -o jsonpath='{.data.version}' 2>/dev/null) || version="of unknown version (no $info in namespace tekton-pipelines)"
  has "Tekton $name $version"
}

check_interceptors() {
  local name
  for name in github cel; do
    if k get clusterinterceptors.triggers.tekton.dev "$name" >/dev/null 2>&1; then
      has "ClusterInterceptor $name"
    else
      lacks "ClusterInterceptor $name" "kubectl apply -f https://infra.tekton.dev/tekton-releases/triggers/latest/interceptors.yaml"
    fi
  done
}

check_storage() {
  if k get storageclass -o jsonpath='{.items[*].metadata.annotations}' 2>/dev/null | grep -q 'is-default-class":"true"'; then
    has "a default StorageClass"
  else
    lacks "a default StorageClass" "kubectl patch storageclass NAME -p '{\"metadata\":{\"annotations\":{\"storageclass.kubernetes.io/is-default-class\":\"true\"}}}'; kind and minikube have one ('kubectl get storageclass')"
  fi
}

check_permission() { # VERB RESOURCE
  if k auth can-i "$1" "$2" --all-namespaces >/dev/null 2>&1; then
    has "permission to $1 $2"
  else
    lacks "permission to $1 $2" "ask for cluster-admin: kubectl create clusterrolebinding me --clusterrole=cluster-admin --user=YOU"
  fi
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
check_api
# What is served, not which CRDs there are: everybody may ask that.
for group in tekton.dev triggers.tekton.dev; do k api-resources --api-group=$group -o name; done >"$tmp/served" 2>/dev/null || true
releases=https://infra.tekton.dev/tekton-releases
check_tekton Pipelines pipelines-info $releases/pipeline/latest/release.yaml {pipelines,pipelineruns,tasks,taskruns,customruns}.tekton.dev
check_tekton Triggers triggers-info $releases/triggers/latest/release.yaml \
  {triggers,triggerbindings,triggertemplates,eventlisteners,clusterinterceptors}.triggers.tekton.dev
check_interceptors
check_storage
for resource in namespaces customresourcedefinitions.apiextensions.k8s.io clusterroles.rbac.authorization.k8s.io; do check_permission create "$resource"; done
finish
