#!/bin/bash
# image.sh REF OUT.tar: the service's image, as a release makes it: one static
# binary in one layer, no base image, no daemon, the same bytes each time. Push it
# with any tool that reads docker archives.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
ref=$1 out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/rootfs"/{tmp,ko-app}
chmod 1777 "$work/rootfs/tmp"
(cd "$root" && CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" go build -ldflags="-s -w -X github.com/countersign-dev/countersign/internal/version.stamped=${VERSION:-}" -o "$work/rootfs/ko-app/countersign" ./cmd/countersign)
"$root/cluster/mkimage.sh" "$ref" "$work/rootfs" "$out" /ko-app/countersign 65532
