# shellcheck shell=bash
# Starting and finding the cluster's processes. Source lib/common.sh first.
#
# Every one of them, and so everything they start, is put into the cgroup `countersign` first. Membership is what
# makes a process ours: pid files may be stale after a kill -9 or a reboot and their numbers be used by others.

# The host's cgroup hierarchies: one on v2, one for each controller on v1.
cgroup_roots() { awk '$3 == "cgroup" || $3 == "cgroup2" {print $2}' /proc/self/mounts | sort -u; }
cgroup_v2() { [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; }

# The hierarchy whose membership counts, and where memory is accounted.
cgroup_main() { if cgroup_v2; then echo /sys/fs/cgroup; else echo /sys/fs/cgroup/memory; fi; }

# countersign/system for the programs, countersign/guests for in.sh; the kubelet adds countersign/kubepods.
cgroup_create() {
  local root
  for root in $(cgroup_roots); do mkdir -p "$root/$CGROUP"; done
  if cgroup_v2; then
    cgroup_delegate /sys/fs/cgroup
    cgroup_delegate "/sys/fs/cgroup/$CGROUP"
    set_cgroup cpu.weight 800
  else
    # As many CPU shares as eight ordinary processes: a compiler that runs beside the cluster must not starve it.
    set_cgroup cpu/cpu.shares 8192
    # A new cpuset is empty, and nothing can be put into an empty one.
    set_cgroup cpuset/cpuset.cpus "$(cat /sys/fs/cgroup/cpuset/cpuset.cpus)"
    set_cgroup cpuset/cpuset.mems "$(cat /sys/fs/cgroup/cpuset/cpuset.mems)"
  fi
  mkdir -p "$(cgroup_main)/$CGROUP"/{system,guests}
}
# cgroup v2: controllers must be handed down from level to level. All there are: the kubelet misses none.
cgroup_delegate() {
  local controllers controller
  read -ra controllers <"$1/cgroup.controllers"
  for controller in "${controllers[@]}"; do echo "+$controller" >"$1/cgroup.subtree_control" || true; done 2>/dev/null
}
# set_cgroup [HIERARCHY/]FILE VALUE
set_cgroup() {
  local file=/sys/fs/cgroup/${1%/*}/$CGROUP/${1##*/}
  [[ $1 == */* ]] || file=/sys/fs/cgroup/$CGROUP/$1
  [ ! -e "$file" ] || echo "$2" >"$file"
}

# Puts the calling (sub)shell into countersign/LEAF.
cgroup_join() { echo "$BASHPID" >"$(cgroup_main)/$CGROUP/$1/cgroup.procs"; }

# All processes of the cluster, pods included.
cluster_pids() {
  find "$(cgroup_main)/$CGROUP" -name cgroup.procs -exec cat {} + 2>/dev/null | grep -v '^0$' || true
}

# The pid of program NAME if it runs.
pid_of() {
  local pid
  pid=$(cat "$RUN/$1.pid" 2>/dev/null) || return 1
  grep -q ":/$CGROUP/system\$" "/proc/$pid/cgroup" 2>/dev/null && echo "$pid"
}

# Programs get a clean environment: a proxy setting of the user's would send the API server's webhook calls to it.
CLEAN_ENV=(env -i "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root LANG=C)

# start_on_host NAME COMMAND...: in the cgroup and a session of its own, with a log and a pid file.
# No other descriptor of the caller's lives on in a daemon: one may be a lock, ours or of whoever called make.
start_on_host() {
  local name=$1 fd
  shift
  (
    cgroup_join system
    cd "$RUN" || exit
    for fd in "/proc/$BASHPID/fd/"*; do
      fd=${fd##*/}
      if [ "$fd" -gt 2 ] && [ "$fd" != 255 ]; then eval "exec $fd>&-"; fi # 255 is the shell's own, and goes with it
    done
    exec setsid "${CLEAN_ENV[@]}" "$@"
  ) </dev/null >>"$LOG/$name.log" 2>&1 &
  echo $! >"$RUN/$name.pid"
}

# in_cluster COMMAND...: in the cluster's network and mount namespace.
# nsenter, not `ip netns exec`: that one mounts /sys anew and so loses the cgroup mounts.
in_cluster() { nsenter --target "$(cat "$RUN/holder.pid")" --net --mount --wd=/ "$@"; }

start() { # NAME COMMAND...
  local name=$1
  shift
  start_on_host "$name" nsenter --target "$(cat "$RUN/holder.pid")" --net --mount --wd=/ "$@"
}
