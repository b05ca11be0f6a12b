#!/usr/bin/env bash
# assets.sh: builds what controller-runtime's envtest needs (etcd, kube-apiserver, kubectl) and prints their folder:
#   KUBEBUILDER_ASSETS=$(cluster/assets.sh) go test ./...
# Needs Go only: no root, no packages, no running cluster.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for file in common progress build; do
  # shellcheck source=/dev/null
  . "$here/lib/$file.sh"
done
lock
build_hyperkube
mkdir -p "$CACHE/bin"
ln -sf "$(program_dir hyperkube)/kubectl" "$CACHE/bin/kubectl"
program_dir hyperkube
