#!/usr/bin/env bash
# test.sh: tests of these scripts. It ends and starts a cluster several times: one of its own, which has the programs and
# images of the cache but a network namespace for a host, its own cgroup and its own state. So a cluster that is up
# is not disturbed (but its load is felt). What differs on the machine before and after is looked for.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
unset CLUSTER
if [ -z "${COUNTERSIGN_TEST:-}" ]; then
  # shellcheck source=lib/common.sh
  . "$here/lib/common.sh"
  need_root
  "$here/assets.sh" >/dev/null # built where later runs find it
  mkdir -p "$CACHE/test/cluster"
  for part in programs images busybox; do # hard links: no time, no space
    if [ -e "$CACHE/$part" ]; then cp -alf "$CACHE/$part" "$CACHE/test/cluster/"; fi
  done
  export COUNTERSIGN_TEST=1 COUNTERSIGN_CACHE=$CACHE/test COUNTERSIGN_CGROUP=countersign-test
  exec unshare --net bash "$0" "$@"
fi
for file in common process stop; do
  # shellcheck source=/dev/null
  . "$here/lib/$file.sh"
done
ip link set lo up
out=$(mktemp -d)
# Whatever happens, the test's cluster ends; its log is kept for a look.
end() {
  "$here/down.sh" --all
  rm -rf "$out" "$CACHE"/{programs,images,busybox}
}
trap end EXIT

ok() { printf 'ok %8s  %s\n' "$(elapsed "$since")" "$1"; }
failed() {
  printf 'FAILED   %s\n' "$1" >&2
  exit 1
}
# run COMMAND...: its output goes to $out/last and is shown only when it fails.
run() {
  since=$(now)
  "$@" >"$out/last" 2>&1 || { cat "$out/last" >&2 && failed "$* ended with an error"; }
}
within() { [ $(($(now) - since)) -le "$1" ] || failed "took $(elapsed "$since"), more than $1 ms"; }

# What a cluster could leave on the machine, outside the cache; one thing a line.
snapshot() (
  set +e +o pipefail # that something is not there is no error here
  # Programs outside of the cgroup too, but not those of another cluster that is up.
  ps -eo pid=,stat=,comm= | awk '$2 !~ /^Z/ && $3 ~ /etcd|kube|containerd|coredns|socat|pause|runc/ {print $1, $3}' |
    while read -r pid name; do grep -q ':/countersign/' "/proc/$pid/cgroup" || echo "process $name"; done
  cluster_pids | sed 's/.*/process in the cgroup/'
  awk '{print "mount", $5}' /proc/self/mountinfo
  find /run/netns /var/run/netns -mindepth 1 2>/dev/null | sed 's/^/named netns /'
  ip -o link | awk '{print "link", $2}'
  ip -o addr | awk '{print "addr", $2, $4}'
  ip route | sed 's/^/route /'
  sysctl -a 2>/dev/null | grep -E '^(vm|kernel|net\.(ipv[46]|bridge|netfilter))\.' |
    grep -vE 'random\.|nr_|dentry|inode|pty|ns_last_pid|perf|\.(mb|tcp)_mem|conntrack_(count|buckets)|stable_secret|dirty_|loadavg|uuid' | sed 's/^/sysctl /'
  { iptables-save && ip6tables-save && nft list ruleset; } 2>/dev/null | grep -v '^#' | sed 's/^/rule /'
  # Unix sockets with a name of the kind that containerd, the kubelet and these scripts use.
  awk '$8 ~ /containerd|kubelet|countersign|netns|api\.sock/ {print "socket", $8}' /proc/net/unix
  find /run /var/lib /var/log /opt /tmp/hostpath_pv -maxdepth 1 2>/dev/null | sed 's/^/file /'
  find /sys/fs/cgroup -type d | grep -v '/countersign\(/\|$\)' | sed 's/^/cgroup /'
)

test_down_leaves_nothing() {
  run "$here/down.sh"
  snapshot | sort -u >"$out/clean"
  run "$here/up.sh"
  ok "up.sh, warm"
  run "$here/smoke.sh"
  ok "smoke.sh"
  run "$here/down.sh"
  within 10000
  ok "down.sh"
  snapshot | sort -u >"$out/after"
  comm -13 "$out/clean" "$out/after" >"$out/left"
  comm -23 "$out/clean" "$out/after" | grep -E '^(sysctl|rule|mount|route)' >>"$out/left" || true
  [ ! -s "$out/left" ] || { cat "$out/left" >&2 && failed "down.sh leaves the above"; }
  [ ! -e "$RUN" ] || failed "down.sh leaves $RUN"
  ok "down.sh leaves no process, mount, namespace, link, route, sysctl, firewall rule, socket, file or cgroup"
  run "$here/down.sh"
  ok "down.sh again is well"
}

test_second_up_is_noop() {
  local before
  run "$here/up.sh"
  ok "up.sh"
  before=$(cluster_pids | sort)
  run "$here/up.sh"
  within 2000
  grep -q 'the cluster is up' "$out/last" || failed "second up.sh does not say so"
  [ "$(cluster_pids | sort)" = "$before" ] || failed "second up.sh changed the processes"
  ok "second up.sh is a no-op"
}

# The worst half-death: everything is killed, nothing was cleaned.
test_up_after_kill() {
  mapfile -t pids < <(cluster_pids)
  kill -9 "${pids[@]}" 2>/dev/null || true # some end with others
  run "$here/up.sh"
  grep -q 'cleaning up' "$out/last" || failed "up.sh does not say that it cleans up"
  run "$here/smoke.sh"
  ok "up.sh after kill -9 of all ${#pids[@]} processes, smoke.sh"
}

# One program gone, its pid in use by a stranger who must survive.
test_up_after_one_died() {
  local stranger
  kill -9 "$(pid_of kubelet)"
  sleep 300 &
  stranger=$!
  disown $stranger
  echo $stranger >"$RUN/kubelet.pid"
  run "$here/up.sh"
  grep -q 'kubelet does not run' "$out/last" || failed "up.sh does not say what was wrong: $(cat "$out/last")"
  kill -0 $stranger || failed "up.sh killed a process that is not the cluster's"
  kill $stranger
  ok "up.sh after the kubelet died and its pid was reused; the other process lives"
}

# A killed API server comes back as it was, also when the restart itself was interrupted: it is dead then.
test_restart_apiserver() {
  local before after
  before=$(tr '\0' ' ' <"/proc/$(pid_of kube-apiserver)/cmdline")
  run "$here/lib/restart.sh" kube-apiserver
  wait_for kube-apiserver 60 "$here/in.sh" kubectl get --raw /readyz
  after=$(tr '\0' ' ' <"/proc/$(pid_of kube-apiserver)/cmdline")
  [ "$before" = "$after" ] || failed "the API server has other words than before: $after"
  kill -9 "$(pid_of kube-apiserver)"
  run "$here/lib/restart.sh" kube-apiserver
  wait_for kube-apiserver 60 "$here/in.sh" kubectl get --raw /readyz
  run "$here/up.sh"
  grep -q 'the cluster is up' "$out/last" || failed "up.sh does not take the restarted API server for its own: $(cat "$out/last")"
  ok "restart.sh: the same words, also of a dead one; up.sh knows it"
}

test_load() {
  mkdir -p "$out/root" && date +%s%N >"$out/root/file"
  "$here/mkimage.sh" cluster.local/test:1 "$out/root" "$out/test.tar"
  run "$here/load.sh" "$out/test.tar"
  grep -q 'loaded: 1 of 1' "$out/last" || failed "load.sh did not load"
  run "$here/load.sh" "$out/test.tar"
  grep -q 'loaded: 0 of 1' "$out/last" || failed "load.sh loaded an unchanged image again"
  "$here/mkimage.sh" cluster.local/test:1 "$out/root" "$out/same.tar"
  cmp "$out/test.tar" "$out/same.tar" || failed "mkimage.sh gives other bytes for the same folder"
  ok "load.sh, once only; mkimage.sh is reproducible"
}

test_in() {
  run "$here/in.sh" bash -c 'kubectl get --raw /readyz && getent hosts kubernetes.default.svc.cluster.local && test -d /sys/fs/cgroup && pwd'
  grep -qx "$PWD" "$out/last" || failed "in.sh changes the working directory"
  if "$here/in.sh" false; then failed "in.sh hides an exit code"; fi
  ok "in.sh: API, names, working directory, exit code"
}

test_current() {
  since=$(now)
  if KUBECONFIG=/nonexistent CLUSTER=current "$here/up.sh" >"$out/last" 2>&1; then failed "CLUSTER=current is well with no cluster"; fi
  grep -q '^missing: the API server' "$out/last" || failed "CLUSTER=current does not say what is missing: $(cat "$out/last")"
  KUBECONFIG=$CACHE/kubeconfig CLUSTER=current "$here/up.sh" >"$out/last" 2>&1 || failed "CLUSTER=current: $(cat "$out/last")"
  CLUSTER=current unshare --net "$here/lib/bare-api.sh" "$here/up.sh" >"$out/last" 2>&1 && failed "CLUSTER=current finds all in an empty cluster"
  [ "$(grep -cE '^missing: (Tekton Pipelines|Tekton Triggers|ClusterInterceptor (github|cel)|a default StorageClass)' "$out/last")" = 5 ] ||
    failed "CLUSTER=current does not name what is missing: $(cat "$out/last")"
  ok "CLUSTER=current: all there, no cluster, and an empty cluster"
}

# A second cache on the same machine must not end this one's cluster.
test_other_cache() {
  since=$(now)
  if COUNTERSIGN_CACHE=$out "$here/down.sh" >"$out/last" 2>&1; then failed "down.sh ends the cluster of another cache"; fi
  grep -q "COUNTERSIGN_CACHE=${CACHE%/cluster}" "$out/last" || failed "down.sh does not say whose cluster it is: $(cat "$out/last")"
  ok "down.sh leaves the cluster of another cache alone"
}

test_down_leaves_nothing
test_second_up_is_noop
test_up_after_kill
test_up_after_one_died
test_restart_apiserver
test_load
test_in
test_current
test_other_cache
echo "all passed in $(elapsed)"
