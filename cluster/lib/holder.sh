#!/usr/bin/env bash
# The first process of a cluster: it holds the cluster's network and mount namespace, which both end with the last
# process in them. Nothing is given a name on the host, so nothing can be left behind there, however the end comes:
# no mount, no namespace, no link, no firewall rule, no file outside the cache.
# Started by lib/start.sh through `unshare --net --mount -n --propagation slave`.
set -euo pipefail
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

# --- Mounts. What Kubernetes, containerd, runc and CNI write to fixed places is kept off the host's file system:
# /run (containerd's and runc's state, shim sockets, named network namespaces), /var/lib (cni, kubelet/device-plugins),
# /var/log (containers), and /tmp (hostpath_pv: the folder of volumes is fixed in kube-controller-manager).
# -n: else mount(8) keeps notes in the host's /run/mount.
private_mounts() {
  mkdir -p "$STATE/tmp"
  # By way of /mnt, since the cache itself may lie in one of the places that are covered.
  mount -n --bind "$CACHE" /mnt
  mount -n -t tmpfs -o mode=755 tmpfs /run
  mkdir "$IN"
  mount -n --bind /mnt "$IN"
  umount -n /mnt
  mount -n -t tmpfs -o mode=755 tmpfs /var/lib
  mount -n -t tmpfs -o mode=755 tmpfs /var/log
  mount -n --bind "$IN_STATE/tmp" /tmp
  chmod 1777 /tmp
  # Pods may ask for mount propagation, which needs a shared root. It stays a slave of the host's: nothing goes out.
  mount -n --make-rshared /
}

# --- Network: loopback, with the node's address on it (the kernel may have no dummy device). No way out: there is no
# default route, and no link to any other namespace.
private_network() {
  ip link set lo up
  ip addr add "$NODE_IP/32" dev lo
  sysctl -qw net.ipv4.ip_forward=1
  # The API server calls webhooks by their Service address. The kernel looks for a route before kube-proxy's rules
  # replace that address, so there must be some route to it, or the call ends with "network is unreachable".
  ip route add "$SVC_CIDR" dev lo src "$NODE_IP"
}

private_mounts
private_network
touch "$IN_RUN/holder.ready"
exec sleep infinity
