#!/usr/bin/env bash
# env.sh: prints what a shell needs to use the cluster and to run tests of controller-runtime's envtest:
#   eval "$(cluster/env.sh)"
# Builds nothing: up.sh or assets.sh do.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=lib/build.sh
. "$here/lib/build.sh"

if [ "${CLUSTER:-}" != current ]; then
  printf 'export KUBECONFIG=%q\n' "$CACHE/kubeconfig"
  # shellcheck disable=SC2016 # it is for the shell that evaluates this
  printf 'export PATH=%q:$PATH\n' "$CACHE/bin"
fi
printf 'export KUBEBUILDER_ASSETS=%q\n' "$(program_dir hyperkube)"
