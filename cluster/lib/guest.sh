#!/usr/bin/env bash
# The inner half of in.sh: in the cluster's network, in a mount namespace of its own that differs from the host's in
# nothing but /etc/resolv.conf, so that Service names resolve for whatever is run.
set -euo pipefail
resolv_conf=$1
shift
[ -e /etc/resolv.conf ] || echo "in.sh: the host has no /etc/resolv.conf: names will not resolve" >&2
[ ! -e /etc/resolv.conf ] || mount -n --bind "$resolv_conf" /etc/resolv.conf
exec "$@"
