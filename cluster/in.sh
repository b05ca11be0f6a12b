#!/usr/bin/env bash
# in.sh COMMAND...: runs COMMAND in the cluster's network, where Services and pods can be reached by address and by name
# (http://el-x.ns.svc.cluster.local:8080), as can the API server. There is no way out to anything else.
# Files, user, terminal, working directory and cgroup mounts are the host's; down.sh ends COMMAND with the cluster.
# With CLUSTER=current: runs COMMAND as it is, in the host's network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ $# = 0 ]; then
  echo "usage: in.sh COMMAND..." >&2
  exit 2
fi
if [ "${CLUSTER:-}" = current ]; then exec "$@"; fi
# shellcheck source=lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=lib/process.sh
. "$here/lib/process.sh"
need_root
holder=$(pid_of holder) || die "no cluster is running: cluster/up.sh"

cgroup_join guests
# A proxy of the host's cannot be reached from here.
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
export KUBECONFIG=$CACHE/kubeconfig PATH=$CACHE/bin:$PATH
exec nsenter --target "$holder" --net -- unshare --mount --propagation slave -- \
  bash "$here/lib/guest.sh" "$RUN/resolv.conf" "$@"
