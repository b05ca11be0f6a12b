#!/usr/bin/env bash
# load.sh IMAGE.tar...: makes images known to the cluster, those that changed since they were last loaded.
# With CLUSTER=current: into kind or minikube, when the current context is one of theirs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ $# = 0 ]; then
  echo "usage: load.sh IMAGE.tar..." >&2
  exit 2
fi
for file in common process packages containerd; do
  # shellcheck source=/dev/null
  . "$here/lib/$file.sh"
done

load_into_current() {
  local context tar
  context=$(kubectl config current-context)
  for tar in "$@"; do
    case $context in
      kind-*) kind load image-archive "$tar" --name "${context#kind-}" ;;
      minikube) minikube image load "$tar" ;;
      *) die "context $context is neither kind nor minikube: push $tar to a registry that it can pull from" ;;
    esac
  done
}

if [ "${CLUSTER:-}" = current ]; then
  load_into_current "$@"
  exit
fi
need_root
lock
pid_of containerd >/dev/null || die "no cluster is running: cluster/up.sh"
imported=$(import_images "$@")
say "images loaded: $(grep -c . <<<"$imported" || true) of $#, the others were there"
