#!/usr/bin/env bash
# up.sh: a single-node Kubernetes with Tekton on this machine, from nothing; see README.md.
# Does nothing when it is up already; cleans up and starts when half of it is left.
# CLUSTER=current: checks the cluster of the current kubeconfig instead, and says what it lacks.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ "${CLUSTER:-}" = current ]; then exec "$here/lib/current.sh"; fi
for file in common progress packages build images process stop keys control containerd node tekton health start; do
  # shellcheck source=/dev/null
  . "$here/lib/$file.sh"
done
need_root
lock

# What this clone would start; a running cluster made of something else is kept, but not silently.
recipe() {
  local name
  for name in hyperkube tekton pause tofu; do basename "$(program_dir "$name")"; done
  echo "resolvers: ${COUNTERSIGN_RESOLVERS:-no}"
}

PATH=$(program_dir hyperkube):$PATH
export KUBECONFIG=$CACHE/kubeconfig
if [ -e "$CACHE/kubeconfig" ] && healthy; then
  say "the cluster is up; export KUBECONFIG=$KUBECONFIG"
  [ "$(recipe)" = "$(cat "$RUN/recipe")" ] || say "it is made of other versions than this clone's; cluster/down.sh, then up.sh, to change"
  exit
fi
refuse_other_cache
if anything_left; then
  say "half of a cluster is left (${UNHEALTHY:-not started to the end}): cleaning up"
  stop_cluster
fi

install_packages
build_all
build_images
began_start=$(now)
start_cluster
progress tekton "starting Tekton" install_tekton
recipe >"$RUN/recipe"
mkdir -p "$CACHE/bin"
ln -sf "$(program_dir hyperkube)/kubectl" "$CACHE/bin/kubectl"
# Last, and at once: where this file is, there is a cluster ready for use.
mv "$RUN/admin.kubeconfig" "$CACHE/kubeconfig"
say "the cluster is up (started in $(elapsed "$began_start")); export KUBECONFIG=$CACHE/kubeconfig"
