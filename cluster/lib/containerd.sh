# shellcheck shell=bash
# containerd and its images. Source lib/common.sh, process.sh and packages.sh first.
# Its sockets and state are in /run, which is the cluster's own; only the store of images outlives a cluster.

# restrict_oom_score_adj: where the machine's processes lack CAP_SYS_RESOURCE (some VMs and containers), runc cannot lower
#   oom_score_adj to the sandbox's -998 and dies with "can't get final child's PID from pipe: EOF".
# disable_apparmor: else a profile would be loaded into the host's kernel, and stay.
containerd_config() { # [DISABLED_PLUGIN]
  cat <<T
version = 2
root = "$IN_STATE/containerd"
disabled_plugins = [${1:+\"$1\"}]
[plugins."io.containerd.internal.v1.opt"]
  path = "/run/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "cluster.local/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$(cni_dir)"
    conf_dir = "$IN_RUN/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = "$(command -v runc)"
      SystemdCgroup = false
T
}

# ptp gives each pod a link of its own and routes between them. With a bridge, the answers between two pods would go
# past conntrack and keep the pod's address where the Service's is expected, unless br_netfilter is loaded, which
# changes the host's bridges too.
cni_config() {
  cat <<J
{"cniVersion": "1.0.0", "name": "countersign", "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local", "dataDir": "$IN_RUN/cni-ipam",
    "ranges": [[{"subnet": "$POD_CIDR"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
J
}

ctr_() { in_cluster ctr --namespace k8s.io "$@"; }

# The store may know containers of an earlier cluster, which was killed. Their CRI records are dropped first, then
# a containerd without CRI deletes them with their snapshots; else the kubelet would find pods it never heard of.
forget_containers() {
  local root=$STATE/containerd container
  [ -d "$root" ] || return 0
  rm -rf "$root"/io.containerd.grpc.v1.cri/{containers,sandboxes} "$root"/io.containerd.runtime.v*/k8s.io
  containerd_config io.containerd.grpc.v1.cri >"$RUN/containerd-clean.toml"
  start containerd-clean containerd --config "$IN_RUN/containerd-clean.toml" --log-level=warn
  until ctr_ version >/dev/null 2>&1; do
    pid_of containerd-clean >/dev/null || die "containerd does not start on $root; see $LOG/containerd-clean.log"
    sleep 0.05
  done
  ctr_ containers ls -q | while read -r container; do ctr_ containers rm "$container"; done >>"$LOG/containerd-clean.log" 2>&1 || true
  kill "$(pid_of containerd-clean)"
  while pid_of containerd-clean >/dev/null; do sleep 0.05; done
  rm "$RUN/containerd-clean.pid"
}

start_containerd() {
  forget_containers
  mkdir -p "$RUN/cni" "$STATE/containerd"
  containerd_config >"$RUN/containerd.toml"
  cni_config >"$RUN/cni/10-countersign.conflist"
  start containerd containerd --config "$IN_RUN/containerd.toml" --log-level=info
  wait_for containerd 30 ctr_ version
}

# import_images TAR...: those that changed since they were last imported. Fed by standard input, because the cluster's
# mount namespace has a /tmp and a /run of its own. Prints a line for each. What is in the store is remembered by
# image name: two files may hold the same image in turn.
import_images() {
  local tar mark stat sum
  mkdir -p "$STATE/imported"
  for tar in "$@"; do
    tar=$(realpath "$tar")
    mark=$STATE/imported/$(image_names "$tar")
    stat=$(stat -c '%n %s %Y %i' "$tar")
    [ "$(head -n 1 "$mark" 2>/dev/null)" != "$stat" ] || continue
    sum=$(sha256sum <"$tar")
    if [ "$(tail -n 1 "$mark" 2>/dev/null)" != "$sum" ]; then
      ctr_ images import - <"$tar" >"$LOG/ctr.log" 2>&1 || die "cannot import $tar: $(tail -n 2 "$LOG/ctr.log")"
      echo "imported $tar"
    fi
    printf '%s\n%s\n' "$stat" "$sum" >"$mark"
  done
}

# The names in an archive as one word. --occurrence=1: manifest.json is first in ours, so the rest need not be read.
image_names() {
  tar --occurrence=1 -xOf "$1" manifest.json | sed 's/.*"RepoTags":\[\([^]]*\)\].*/\1/' | tr -c 'a-zA-Z0-9.:-' _
}
