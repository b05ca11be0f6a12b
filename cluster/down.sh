#!/usr/bin/env bash
# down.sh [--all]: ends the cluster; leaves no process, mount, namespace, sysctl, firewall rule or cgroup behind.
# Programs, images and containerd's image store stay in the cache, so that the next up.sh is quick, and so do the folders
# of volumes until then; --all removes the store and the folders as well.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ "${CLUSTER:-}" = current ]; then
  echo "CLUSTER=current: the cluster is not ours, it is left as it is" >&2
  exit
fi
# shellcheck source=lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=lib/process.sh
. "$here/lib/process.sh"
# shellcheck source=lib/stop.sh
. "$here/lib/stop.sh"
need_root
lock

refuse_other_cache
if anything_left; then stop_cluster; fi
if [ "${1:-}" = --all ]; then rm -rf "$STATE"; fi
say "the cluster is down"
