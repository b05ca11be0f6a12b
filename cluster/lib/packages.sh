# shellcheck shell=bash
# What is taken from Debian: the container runtime, the CNI plugins and a few tools. Source lib/common.sh and progress.sh first.

# COMMAND:PACKAGE. Asked for by command, not by package, so that a machine with, say, Docker's containerd.io is left as it is.
NEEDED=(runc:runc containerd:containerd ctr:containerd nft:nftables iptables:iptables conntrack:conntrack socat:socat
  ip:iproute2 nsenter:util-linux flock:util-linux sysctl:procps openssl:openssl curl:curl git:git)

# Where the CNI plugins are: Debian's package or the usual upstream place.
cni_dir() {
  local dir
  for dir in /usr/lib/cni /opt/cni/bin; do
    if [ -x $dir/ptp ] && [ -x $dir/host-local ]; then echo $dir && return; fi
  done
  return 1
}

# A busybox that runs in an image without libraries: the machine's own where it is static, else the one fetched below.
busybox() {
  local path
  for path in "$CACHE/busybox/bin/busybox" /bin/busybox; do
    if [ -x "$path" ] && ! ldd "$path" >/dev/null 2>&1; then echo "$path" && return; fi
  done
  return 1
}

missing_packages() {
  local pair
  for pair in "${NEEDED[@]}"; do
    command -v "${pair%%:*}" >/dev/null || echo "${pair##*:}"
  done
  [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
  cni_dir >/dev/null || echo containernetworking-plugins
}

# SYSTEMD_OFFLINE: installing containerd must not start the machine's own one. --no-remove: nothing may be
# uninstalled for us (Debian's containerd conflicts with Docker's).
apt_install() {
  export DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1
  apt-get update -q
  [ $# = 0 ] || apt-get install -qy --no-install-recommends --no-remove "$@"
  busybox >/dev/null || fetch_busybox
}

# Unpacked, not installed: Debian's busybox-static conflicts with the dynamic busybox that cloud images have.
fetch_busybox() {
  local dir=$CACHE/busybox
  rm -rf "$dir" && mkdir -p "$dir"
  (cd "$dir" && apt-get download -q busybox-static && dpkg-deb -x ./*.deb . && rm ./*.deb)
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages | sort -u)
  if [ ${#missing[@]} = 0 ] && busybox >/dev/null; then return; fi
  command -v apt-get >/dev/null || die "this is not Debian; please install: ${missing[*]} and a static busybox as /bin/busybox"
  progress apt "Debian packages: ${missing[*]:-busybox-static}" apt_install "${missing[@]}"
}
