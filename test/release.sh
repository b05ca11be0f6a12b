#!/usr/bin/env bash
# release.sh: makes a release twice and looks at it as those do who download it.
set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
registry=
end() {
  [ -z "$registry" ] || kill "$registry" 2>/dev/null || true
  rm -rf "$work"
}
trap end EXIT

version=v0.1.0 port=5077
say() { printf '%8s  %s\n' "$(elapsed "$began")" "$*"; }
began=$(now)

# deb PACKAGE FILE: one program of a Debian package, without installing it, which would start a service.
deb() {
  local dir=$CACHE/deb/$1
  if [ ! -x "$dir/$2" ]; then
    mkdir -p "$dir"
    (
      cd "$work" || exit
      apt-get download -q "$1" >/dev/null 2>&1 && exit
      apt-get update -q >/dev/null && apt-get download -q "$1" >/dev/null
    )
    dpkg -x "$work/$1"_*.deb "$dir"
  fi
  echo "$dir/$2"
}

# ---- alerts
promtool=$(deb prometheus usr/bin/promtool)
mkdir "$work/rules"
sed -n '/^spec:/,$p' "$ROOT/deploy/components/monitoring/rules.yaml" | tail -n +2 | sed 's/^  //' >"$work/rules/groups.yaml"
cp "$ROOT/deploy/components/monitoring/rules_test.yaml" "$work/rules"
(cd "$work/rules" && "$promtool" check rules groups.yaml && "$promtool" test rules rules_test.yaml)
say "alerts"

# ---- a release, signed
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/key.pem" 2>/dev/null
(cd "$ROOT/tools/release" && go build -o "$work/release" .)
make_release() { RELEASE_KEY=$work/key.pem "$work/release" --root "$ROOT" --version "$version" --repository "localhost:$port/countersign" --platforms "${PLATFORMS:-}" --out "$1" all; }
make_release "$work/one"
say "a release"
make_release "$work/two" >/dev/null
for name in $(cd "$work/one" && ls); do
  case $name in *.sig | *.dsse.json) continue ;; esac # a signature is another one each time
  cmp "$work/one/$name" "$work/two/$name" || die "$name has other bytes the second time"
done
say "again, with the same bytes"

cd "$work/one"
sha256sum --check --quiet SHA256SUMS
openssl dgst -sha256 -verify countersign.pub -signature <(base64 -d SHA256SUMS.sig) SHA256SUMS >/dev/null || die "the signature is not of SHA256SUMS"
files=(countersign.yaml countersign-ha.yaml countersign-openshift.yaml countersign-component-approvaltask.yaml countersign-component-monitoring.yaml
  "countersign-${version#v}.tgz" "countersign-$version-image-oci.tar" RELEASE_NOTES.md provenance.intoto.json "countersign_${version#v}_linux_amd64.spdx.json")
arches=(amd64)
# PLATFORMS=linux/amd64 is for a look while something is changed.
[ -n "${PLATFORMS:-}" ] || arches+=(arm64)
[ -n "${PLATFORMS:-}" ] || files+=("countersign-$version-image-linux-arm64.docker.tar" "tkn-approval_${version#v}_windows_arm64.zip" "tkn-approval_${version#v}_darwin_arm64.tar.gz")
for file in "${files[@]}"; do
  grep -q "  $file\$" SHA256SUMS || die "there is no $file"
done
grep -q "image: localhost:$port/countersign:$version@sha256:" countersign.yaml || die "countersign.yaml does not name its image by digest"
! grep -q '^kind: ConfigMap' countersign.yaml || die "countersign.yaml has settings, which installing it again would overwrite"
mkdir "$work/cli"
tar -C "$work/cli" -xzf "tkn-approval_${version#v}_linux_$(go env GOARCH).tar.gz"
[ "$("$work/cli/tkn-approval" version --client)" = "tkn-approval $version, countersign.dev/v1alpha1" ] || die "tkn-approval does not say that it is $version"
say "what is in it"

# ---- a real registry
program=$(deb docker-registry usr/bin/docker-registry)
cat >"$work/registry.yml" <<CONFIG
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$port"}
CONFIG
"$program" serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
registry=$!
for _ in $(seq 100); do
  curl -sf "http://127.0.0.1:$port/v2/" >/dev/null && break
  sleep 0.1
done
pushed=$(RELEASE_KEY=$work/key.pem "$work/release" --root "$ROOT" --version "$version" --repository "localhost:$port/countersign" --insecure --out "$work/one" push)
digest=${pushed#*@}
grep -q "@$digest" countersign.yaml || die "what is pushed is not what countersign.yaml names"
get() { curl -sfL -H 'Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json' "http://127.0.0.1:$port/v2/countersign/$1"; }
[ "sha256:$(get "manifests/$digest" | sha256sum | cut -d' ' -f1)" = "$digest" ] || die "the registry gives something else by $digest"
for arch in "${arches[@]}"; do
  manifest=$(get "manifests/$digest" | tr '{' '\n' | grep -B2 "\"architecture\":\"$arch\"" | grep -o 'sha256:[0-9a-f]*' | head -n 1)
  layer=$(get "manifests/$manifest" | grep -o '"layers":.*' | grep -o 'sha256:[0-9a-f]*')
  get "blobs/$layer" | gzip -dc | tar -tf - | grep -x ko-app/countersign >/dev/null || die "the image for $arch has no program"
done
get "manifests/${digest/:/-}.sig" | grep dev.cosignproject.cosign/signature >/dev/null || die "there is no signature beside the image"
say "pushed to a registry, and pulled by $digest"
