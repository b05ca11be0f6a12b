# shellcheck shell=bash
# Ends the cluster and removes what it left. Source lib/common.sh and lib/process.sh first.
#
# Everything is simply killed: etcd's data is thrown away, containerd's image store survives a crash, and the mounts,
# links, firewall rules and pod namespaces all live in namespaces that end with their last process.
# It asks nobody and depends on no pid file, so it works just as well on half of a cluster, or after a reboot.

anything_left() {
  local root
  [ ! -e "$RUN" ] || return 0
  for root in $(cgroup_roots); do
    [ ! -d "$root/$CGROUP" ] || return 0
  done
  return 1
}

# A cluster that was started with another cache folder is found by where its processes are. One machine has room for
# one cluster only (ports, cgroup), and that one's sysctls are noted in its own cache: it is not for us to end it.
refuse_other_cache() {
  local pids pid cwd
  mapfile -t pids < <(cat "$(cgroup_main)/$CGROUP/system/cgroup.procs" 2>/dev/null)
  for pid in "${pids[@]}"; do
    cwd=$(readlink "/proc/$pid/cwd" || true)
    case ${cwd% (deleted)} in
      "$(realpath -m "$RUN")") ;;
      */cluster/run) die "a cluster of another cache folder is running; end it first: COUNTERSIGN_CACHE=${cwd%/cluster/run*} cluster/down.sh" ;;
    esac
  done
}

kill_all() {
  local pids killed=() try
  for try in $(seq 100); do
    mapfile -t pids < <(cluster_pids)
    if [ ${#pids[@]} = 0 ]; then
      wait_reaped "${killed[@]}"
      return
    fi
    killed+=("${pids[@]}")
    kill -9 "${pids[@]}" 2>/dev/null || true
    sleep 0.05
  done
  die "these processes do not end after $try times kill -9: ${pids[*]}"
}

# The dead are listed until init has taken note of them; that is waited for, but not for ever.
wait_reaped() {
  local pid
  for _ in $(seq 40); do
    for pid in "$@"; do
      if [ -e "/proc/$pid" ]; then sleep 0.05 && continue 2; fi
    done
    return 0
  done
}

remove_cgroups() {
  local root
  for root in $(cgroup_roots); do
    for _ in $(seq 50); do # busy until the kernel is done with its dead
      [ -d "$root/$CGROUP" ] || break
      find "$root/$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
    done
  done
}

# The kubelet sets these for the whole machine; the values from before are put back, unless a reboot did so.
KUBELET_SYSCTLS=(vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes)
save_sysctls() {
  local key value
  {
    echo "# boot $(cat /proc/sys/kernel/random/boot_id)"
    for key in "${KUBELET_SYSCTLS[@]}"; do
      ! value=$(sysctl -n "$key" 2>/dev/null) || echo "$key=$value"
    done
  } >"$STATE/sysctl.before"
}
restore_sysctls() {
  local file=$STATE/sysctl.before
  [ -e "$file" ] || return 0
  if grep -q "$(cat /proc/sys/kernel/random/boot_id)" "$file"; then sysctl -q -p "$file"; fi
  rm "$file"
}

stop_cluster() {
  kill_all
  remove_cgroups
  restore_sysctls
  rm -rf "$RUN" "$CACHE/kubeconfig"
}
