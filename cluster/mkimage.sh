#!/usr/bin/env bash
# mkimage.sh REF ROOTFS OUT.tar [ENTRYPOINT [USER]]
# Makes a container image of one layer out of a folder: no daemon, no base image, no registry.
# The result is in the docker-archive form, which `ctr images import`, `docker load`, `kind load image-archive`
# and `skopeo` read. The same folder always gives the same bytes.
set -euo pipefail
if [ $# -lt 3 ]; then
  echo "usage: mkimage.sh REF ROOTFS OUT.tar [ENTRYPOINT [USER]]" >&2
  exit 2
fi
ref=$1 root=$2 out=$3 entrypoint=${4:-} user=${5:-}

case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) arch=$(uname -m) ;;
esac

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
stable=(--sort=name --numeric-owner --owner=0 --group=0 --mtime=@0)

tar "${stable[@]}" -C "$root" -cf "$tmp/layer.tar" .
layer=$(sha256sum "$tmp/layer.tar" | cut -d' ' -f1)

config='"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/ko-app"]'
[ -z "$entrypoint" ] || config+=",\"Entrypoint\":[\"$entrypoint\"]"
[ -z "$user" ] || config+=",\"User\":\"$user\""
printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":{%s},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"1970-01-01T00:00:00Z"}]}' \
  "$arch" "$config" "$layer" >"$tmp/config.json"
printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$ref" >"$tmp/manifest.json"

# Moved into place, so that an image broken off half way is no image.
tar "${stable[@]}" -C "$tmp" -cf "$out.part" manifest.json config.json layer.tar
mv "$out.part" "$out"
