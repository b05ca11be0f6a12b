# shellcheck shell=bash
# Paths, names and small helpers that every script in this folder shares. Source it; it starts nothing.
# shellcheck disable=SC2034 # most of these are used by the files that source this one
umask 022 # images are made of what we create
CLUSTER_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${COUNTERSIGN_CACHE:-${HOME:-/root}/.cache/countersign}/cluster
RUN=$CACHE/run     # of the running cluster: keys, etcd, kubelet, pid files; deleted by down.sh
STATE=$CACHE/state # outlives a cluster: containerd's image store, folders of volumes
LOG=$CACHE/log
IMAGES=$CACHE/images

# Inside the cluster's mount namespace the cache is always seen here (see lib/holder.sh), so that long or odd
# cache paths cannot exceed the 108 bytes of a unix socket's name, and nothing depends on where the cache lies.
IN=/run/countersign
IN_RUN=$IN/run
IN_STATE=$IN/state

# Every process of the cluster is in this cgroup: that is how down.sh knows them. test.sh takes another.
CGROUP=${COUNTERSIGN_CGROUP:-countersign}
NODE=node1
NODE_IP=10.87.0.1
POD_CIDR=10.88.0.0/16
SVC_CIDR=10.96.0.0/16
SVC_IP=10.96.0.1
API_PORT=6443

export KUBECONFIG_FILE=$CACHE/kubeconfig

# Milliseconds, for elapsed times without a fork of bc.
now() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }
BEGAN=$(now)

elapsed() { # [SINCE]  -> "12.3s"
  local ms=$(($(now) - ${1:-$BEGAN}))
  printf '%d.%ds' $((ms / 1000)) $((ms % 1000 / 100))
}

# All talk goes to stderr: the stdout of assets.sh and env.sh is for machines.
say() { printf '%8s  %s\n' "$(elapsed)" "$*" >&2; }
die() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}

need_root() { [ "$(id -u)" = 0 ] || die "needs root (network namespace, mounts, cgroups): run it with sudo -E"; }

# One up, down or load at a time: the second waits, then finds the work done.
lock() {
  mkdir -p "$CACHE"
  exec 9>"$CACHE/lock"
  flock -n 9 && return
  say "waiting for another up, down or load to end"
  flock 9
}

# wait_for NAME SECONDS COMMAND...: until COMMAND succeeds; NAME's log is shown when it never does.
wait_for() {
  local name=$1 end=$((SECONDS + $2)) tell=$((SECONDS + 2)) since
  since=$(now)
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then
      tail -n 15 "$LOG/$name.log" >&2 || true
      die "$name not ready after $(elapsed "$since"); its log: $LOG/$name.log"
    fi
    if [ $SECONDS -ge $tell ]; then
      say "waiting for $name ... $(elapsed "$since")"
      tell=$((SECONDS + 10))
    fi
    sleep 0.1
  done
  say "$name ready ($(elapsed "$since"))"
}
