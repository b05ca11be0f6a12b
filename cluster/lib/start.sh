# shellcheck shell=bash
# Starts a cluster on a machine where none is left. Source all the other files of lib/ first.

start_holder() {
  start_on_host holder env "COUNTERSIGN_CACHE=${CACHE%/cluster}" \
    unshare --net --mount --propagation slave bash "$CLUSTER_DIR/lib/holder.sh"
  wait_for holder 10 test -e "$RUN/holder.ready"
}

port_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$API_PORT") 2>/dev/null; }

start_cluster() {
  port_free || die "port $API_PORT of 127.0.0.1 is taken by another program (another cluster?)"
  rm -rf "$STATE/tmp" # volumes of an earlier cluster
  mkdir -p "$RUN" "$STATE" "$LOG"
  rm -f "$LOG"/{holder,etcd,kube*,containerd*,coredns,door*,import,tekton}.log
  save_sysctls
  cgroup_create
  start_holder
  make_keys
  # shellcheck disable=SC2034 # for control.sh and node.sh
  BIN=$IN/programs/$(basename "$(program_dir hyperkube)")

  start_etcd
  start_apiserver
  start_door
  start_containerd # and its images, while the API server starts
  progress import "importing images" import_images "${IMAGE_TARS[@]}"
  export KUBECONFIG=$RUN/admin.kubeconfig
  wait_for kube-apiserver 90 kubectl get --raw /readyz
  start_controller_manager
  start_scheduler
  apply base_objects
  start_dns
  start_proxy
  start_kubelet
  wait_for kubelet 60 node_ready
  wait_for coredns 30 http_ok http://127.0.0.1:8181/ready
  wait_for kube-proxy 30 http_ok http://127.0.0.1:10256/healthz
}

node_ready() {
  [ "$(kubectl get node "$NODE" -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}')" = True ]
}
