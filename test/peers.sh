# shellcheck shell=bash disable=SC2153 # ROOT is of lib.sh
# manual-approval-gate, built from its module, on the test cluster: for the benchmark that runs it beside us. Source lib.sh first.
#
# It takes the place of our component for its kind; whatever we serve beside it stays. peers_end puts ours back.

MAG=github.com/openshift-pipelines/manual-approval-gate

peers_begin() {
  local program tars=() manifests
  for program in controller webhook; do
    tars+=("$CACHE/images/mag-$program.tar")
    peer_image "$program" || return
  done
  "$ROOT/cluster/load.sh" "${tars[@]}" || return
  peers_ours delete --ignore-not-found --wait=true || return
  manifests=$(peer_manifests) || return
  # Twice: what is of a kind that the first time brings.
  in_cluster kubectl apply --server-side --force-conflicts -f - <<<"$manifests" >/dev/null 2>&1
  in_cluster kubectl apply --server-side --force-conflicts -f - <<<"$manifests" >/dev/null || return
  for program in controller webhook; do
    in_cluster kubectl -n tekton-pipelines rollout status "deployment/manual-approval-gate-$program" --timeout=120s >/dev/null || return
  done
  # By itself Tekton asks the API server 5 times a second: in a burst that is what would be measured, of all alike.
  peers_tekton 200 400 || return
  peers_restart || return # the service looks for its component when it starts
  export COUNTERSIGN_PEERS=yes
}

peers_end() {
  peer_manifests | in_cluster kubectl delete --ignore-not-found --wait=true -f - >/dev/null
  peers_tekton
  unset COUNTERSIGN_PEERS deployed
}

# How often Tekton's controller may ask the API server; its default without arguments.
peers_tekton() { # [QPS BURST]
  local deployment=deployment/tekton-pipelines-controller env
  env=(KUBE_API_QPS- KUBE_API_BURST-)
  [ $# = 0 ] || env=("KUBE_API_QPS=$1" "KUBE_API_BURST=$2")
  in_cluster kubectl -n tekton-pipelines set env "$deployment" "${env[@]}" >/dev/null &&
    in_cluster kubectl -n tekton-pipelines rollout status "$deployment" --timeout=120s >/dev/null
}

peers_restart() {
  in_cluster kubectl -n countersign rollout restart deployment/countersign >/dev/null &&
    in_cluster kubectl -n countersign rollout status deployment/countersign --timeout=120s >/dev/null
}

# Its image is made as ours is: of one layer, from the static program.
peer_image() { # PROGRAM
  local binary tar=$CACHE/images/mag-$1.tar root
  binary=$(tool "mag-$1") || return
  [ ! "$tar" -nt "$binary" ] || return 0
  mkdir -p "$CACHE/images"
  root=$(mktemp -d)
  mkdir -p "$root/ko-app" "$root/tmp"
  cp "$binary" "$root/ko-app/$1"
  "$ROOT/cluster/mkimage.sh" "cluster.local/mag-$1:v0.7.0" "$root" "$tar.part" "/ko-app/$1" 65532 && mv "$tar.part" "$tar"
  rm -rf "$root"
}

# Its manifests as it ships them, from the module.
peer_manifests() {
  local dir file
  dir=$(cd "$ROOT/tools/mag" && go list -m -f '{{.Dir}}' "$MAG") || return
  for file in "$dir"/config/kubernetes/*.yaml; do
    echo ---
    sed -e "s|ko://$MAG/cmd/\([a-z]*\)|cluster.local/mag-\1:v0.7.0|" "$file"
  done
}

# Our own component for its kind, which cannot be there at the same time.
peers_ours() { # KUBECTL ARGUMENTS...
  kubectl kustomize --load-restrictor=LoadRestrictionsNone "$ROOT/deploy/components/manual-approval-gate" | in_cluster kubectl "$@" -f - >/dev/null
}
