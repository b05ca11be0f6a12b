# shellcheck shell=bash
# The node: kubelet, kube-proxy, CoreDNS. Source lib/common.sh, lib/build.sh and lib/process.sh first; BIN is the programs'
# folder as seen in the cluster.

# cgroupRoot: the pods' cgroups are under ours, so that down.sh finds them, and another kubelet's are not touched.
# failCgroupV1: false; cgroup v1 still works, this kubelet only warns of it. Kubernetes 1.30 does not know the field yet.
kubelet_config() {
  cat <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
$([ "$KUBE_MINOR" -lt 31 ] || echo "failCgroupV1: false")
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
imageServiceEndpoint: unix:///run/containerd/containerd.sock
address: $NODE_IP
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $IN_RUN/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $IN_RUN/pki/kubelet.crt
tlsPrivateKeyFile: $IN_RUN/pki/kubelet.key
clusterDNS: [$NODE_IP]
clusterDomain: cluster.local
resolvConf: ""
failSwapOn: false
serializeImagePulls: false
podLogsDir: $IN_RUN/pods
volumePluginDir: $IN_RUN/kubelet/volume-plugins
enforceNodeAllocatable: []
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 200Mi, nodefs.available: 1%, imagefs.available: 1%}
syncFrequency: 10s
shutdownGracePeriod: 0s
Y
}

http_ok() { in_cluster curl -sf -o /dev/null "$1"; }

# It exits when containerd's CRI part is not up yet, which is later than containerd answers: start it until it stays.
start_kubelet() {
  local end=$((SECONDS + 60))
  mkdir -p "$RUN/kubelet" "$RUN/pods"
  kubelet_config >"$RUN/kubelet.yaml"
  until http_ok http://127.0.0.1:10248/healthz; do
    [ $SECONDS -lt $end ] || die "the kubelet does not start; its log: $LOG/kubelet.log"
    pid_of kubelet >/dev/null || start kubelet "$BIN/kubelet" "--config=$IN_RUN/kubelet.yaml" \
      "--kubeconfig=$IN_RUN/kubelet.kubeconfig" "--root-dir=$IN_RUN/kubelet" "--hostname-override=$NODE" "--node-ip=$NODE_IP"
    sleep 0.2
  done
}

# nftables is behind a gate before Kubernetes 1.31.
start_proxy() {
  cat >"$RUN/proxy.yaml" <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
$([ "$KUBE_MINOR" -ge 31 ] || echo "featureGates: {NFTablesProxyMode: true}")
clientConnection: {kubeconfig: $IN_RUN/proxy.kubeconfig}
clusterCIDR: $POD_CIDR
hostnameOverride: $NODE
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nftables: {minSyncPeriod: 100ms}
Y
  start kube-proxy "$BIN/kube-proxy" "--config=$IN_RUN/proxy.yaml"
}

# CoreDNS is a program on the node's address, not a pod. Two server blocks, because in one the template plugin would
# answer before the kubernetes plugin, and answer everything with NXDOMAIN.
start_dns() {
  cat >"$RUN/Corefile" <<D
.:53 {
  bind $NODE_IP
  errors
  ready 127.0.0.1:8181
  template ANY ANY . {
    rcode NXDOMAIN
  }
}
cluster.local:53 in-addr.arpa:53 {
  bind $NODE_IP
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $IN_RUN/coredns.kubeconfig
    ttl 5
  }
}
D
  # For lib/guest.sh, and for the cluster's own programs.
  printf 'nameserver %s\nsearch svc.cluster.local cluster.local\n' "$NODE_IP" >"$RUN/resolv.conf"
  start coredns "$BIN/coredns" -conf "$IN_RUN/Corefile"
}

# What CoreDNS may read, and the StorageClass of --enable-hostpath-provisioner.
base_objects() {
  cat <<Y
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: system:coredns}
rules:
- {apiGroups: [""], resources: [services, pods, namespaces], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: system:coredns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:coredns}
subjects: [{kind: User, name: system:coredns, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: standard, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: kubernetes.io/host-path
reclaimPolicy: Delete
Y
}
