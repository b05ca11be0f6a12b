# shellcheck shell=bash
# The control plane: etcd, API server, controller manager, scheduler; and the door to it from the host.
# Source lib/common.sh and lib/process.sh first; BIN is the programs' folder as seen in the cluster.

# Its data is thrown away with the cluster, so there is nothing for fsync to save.
start_etcd() {
  start etcd "$BIN/etcd" --name="$NODE" "--data-dir=$IN_RUN/etcd" --unsafe-no-fsync --log-level=warn \
    --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 \
    --listen-peer-urls=http://127.0.0.1:2380 --initial-advertise-peer-urls=http://127.0.0.1:2380 \
    --initial-cluster="$NODE=http://127.0.0.1:2380"
}

start_apiserver() {
  local pki="$IN_RUN/pki"
  start kube-apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
    --bind-address=0.0.0.0 "--secure-port=$API_PORT" "--advertise-address=$NODE_IP" "--service-cluster-ip-range=$SVC_CIDR" \
    "--tls-cert-file=$pki/apiserver.crt" "--tls-private-key-file=$pki/apiserver.key" \
    "--client-ca-file=$pki/ca.crt" "--token-auth-file=$pki/tokens.csv" --anonymous-auth=true \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    "--kubelet-client-certificate=$pki/apiserver-kubelet.crt" "--kubelet-client-key=$pki/apiserver-kubelet.key" \
    "--kubelet-certificate-authority=$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    "--service-account-key-file=$pki/sa.pub" "--service-account-signing-key-file=$pki/sa.key" \
    "--requestheader-client-ca-file=$pki/ca.crt" --requestheader-allowed-names=front-proxy \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    "--proxy-client-cert-file=$pki/front-proxy.crt" "--proxy-client-key-file=$pki/front-proxy.key" \
    --profiling=false --event-ttl=1h
}

# The one door: 127.0.0.1:6443 of the host -> a unix socket -> 127.0.0.1:6443 of the cluster. Unix sockets do not mind
# network namespaces. The path is relative (start_on_host is in $RUN) because a socket's name must be short.
start_door() {
  start door-in socat "UNIX-LISTEN:$IN_RUN/api.sock,fork,unlink-early,mode=600" "TCP4:127.0.0.1:$API_PORT,nodelay"
  start_on_host door-out socat "TCP4-LISTEN:$API_PORT,bind=127.0.0.1,fork,reuseaddr,nodelay" UNIX-CONNECT:api.sock
}

# --enable-hostpath-provisioner: volumes are folders. The controller manager carries this provisioner for its own tests.
start_controller_manager() {
  local config="$IN_RUN/controller-manager.kubeconfig" pki="$IN_RUN/pki"
  start kube-controller-manager "$BIN/kube-controller-manager" "--kubeconfig=$config" "--authentication-kubeconfig=$config" \
    "--authorization-kubeconfig=$config" --bind-address=127.0.0.1 --leader-elect=false --use-service-account-credentials=true \
    "--service-account-private-key-file=$pki/sa.key" "--root-ca-file=$pki/ca.crt" \
    "--cluster-signing-cert-file=$pki/ca.crt" "--cluster-signing-key-file=$pki/ca.key" --enable-hostpath-provisioner
}

start_scheduler() {
  local config="$IN_RUN/scheduler.kubeconfig"
  start kube-scheduler "$BIN/kube-scheduler" "--kubeconfig=$config" "--authentication-kubeconfig=$config" \
    "--authorization-kubeconfig=$config" --bind-address=127.0.0.1 --leader-elect=false
}
