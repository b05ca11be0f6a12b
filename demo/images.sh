#!/usr/bin/env bash
# images.sh: loads the images of the example's tasks, git and terraform, into the
# cluster of the current kubeconfig. Our own cluster has them; CLUSTER=current has not.
set -euo pipefail
lib=$(cd "$(dirname "$0")/../cluster/lib" && pwd)
for file in common progress packages build images; do
  # shellcheck source=/dev/null
  . "$lib/$file.sh"
done
# Only what the images are made of: not the container runtime.
busybox >/dev/null || die "a busybox without libraries is needed: apt-get install busybox-static"
command -v git >/dev/null || die "git is needed: apt-get install git"
mkdir -p "$IMAGES"
build tofu OpenTofu
IMAGE_TARS=()
image git - rootfs_git --
image terraform "$(program_dir tofu)" rootfs_terraform --
"$CLUSTER_DIR/load.sh" "${IMAGE_TARS[@]}"
