#!/usr/bin/env bash
# run.sh: what `make demo` does. A cluster, the service, the example of
# examples/terraform with a git server and a mail server; then the program of this
# folder tells the story. Safe to run again and again.
#   APPROVE=1 | REJECT=1   decide by itself
#   TAMPER=1               change the plan file before it is approved: part 2 must refuse it
#   BY=curl                start part 1 by examples/terraform/curl.yaml instead of a push
#   CLUSTER=current        use the cluster of the current kubeconfig (kind or minikube)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${COUNTERSIGN_CACHE:-${HOME:-/root}/.cache/countersign}/demo
export CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" # those of cluster/: one build cache
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin

now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }
DEMO_BEGAN_MS=$(now_ms) DEMO_STEPS=0
export DEMO_BEGAN_MS DEMO_STEPS
bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then bold=$'\e[1m' plain=$'\e[0m'; fi
elapsed() { local ms=$(($(now_ms) - DEMO_BEGAN_MS)); printf '%d.%ds' $((ms / 1000)) $((ms % 1000 / 100)); }
step() { DEMO_STEPS=$((DEMO_STEPS + 1)) && printf '%8s  %s%d. %s%s\n' "$(elapsed)" "$bold" "$DEMO_STEPS" "$*" "$plain"; }
say() { printf '%8s     %s\n' "$(elapsed)" "$*"; }
die() { printf 'demo: %s\n' "$*" >&2 && exit 1; }

decide=
if [ -n "${APPROVE:-}" ] && [ -n "${REJECT:-}" ]; then die "APPROVE=1 or REJECT=1, not both"; fi
if [ -n "${APPROVE:-}" ]; then decide=approve; fi
if [ -n "${REJECT:-}" ]; then decide=reject; fi

mkdir -p "$cache"
exec 8>>"$cache/lock"
flock -n 8 || die "another demo is running, one at a time: decide what it waits for, or end it with kill -INT $(cat "$cache/lock")"
echo $$ >"$cache/lock"

# long COMMAND...: its output is shown when it fails; that it goes on is said every few seconds.
long_pid=
trap 'if [ -n "$long_pid" ]; then kill "$long_pid" 2>/dev/null || true; fi' EXIT
long() {
  local what=$1 tell=$((SECONDS + 3)) rc=0
  shift
  "$@" >"$cache/log" 2>&1 8>&- &
  long_pid=$!
  while kill -0 $long_pid 2>/dev/null; do
    sleep 0.1
    if [ $SECONDS -ge $tell ]; then
      say "$what ..."
      tell=$((SECONDS + 15))
    fi
  done
  wait $long_pid || rc=$?
  long_pid=
  [ $rc = 0 ] || { tail -n 30 "$cache/log" >&2 && die "$what failed; all it said is in $cache/log"; }
}

# sources DIR...: a digest of what programs are made of.
sources() {
  (cd "$root" && go env GOVERSION && find "$@" go.mod go.sum deploy/image.sh demo/run.sh cluster/mkimage.sh \
    -type f ! -name '*_test.go' ! -path '*/testdata/*' -print0 | sort -z | xargs -0 sha256sum) | sha256sum | cut -c1-16
}
# fresh NAME KEY COMMAND...: runs COMMAND unless NAME was made with KEY before.
fresh() {
  local name=$1 key=$2
  shift 2
  if [ "$(cat "$cache/$name.key" 2>/dev/null)" = "$key" ]; then return; fi
  rm -f "$cache/$name.key"
  long "building $name" "$@"
  echo "$key" >"$cache/$name.key"
}
demo_program() { (cd "$root" && go build -ldflags="-s -w" -o "$cache/demo" ./demo); }
demo_image() {
  rm -rf "$cache/rootfs" && mkdir -p "$cache/rootfs/ko-app"
  cp "$cache/demo" "$cache/rootfs/ko-app/demo"
  "$root/cluster/mkimage.sh" cluster.local/countersign-demo:dev "$cache/rootfs" "$cache/demo.tar" /ko-app/demo 65532
  rm -rf "$cache/rootfs"
}
digest() { sha256sum <"$cache/$1.tar" | cut -c1-16; }
# manifests FOLDER IMAGE: with what is in capitals filled in.
manifests() {
  kubectl kustomize "$root/demo/$1" | sed -e "s#ko://[^ ]*#cluster.local/countersign:dev#" \
    -e "s#docker.io/alpine/git:[0-9.]*#cluster.local/git:1#" -e "s#docker.io/hashicorp/terraform:[0-9.]*#cluster.local/terraform:1#" \
    -e "s#DEMO_IMAGE_DIGEST#$(digest "$2")#" -e "s#DEMO_EXTERNAL_URL#http://localhost:$DEMO_PAGE_PORT#"
}
k() { kubectl --request-timeout=30s "$@"; }
# again SECONDS COMMAND...: until it succeeds.
again() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.5
  done
}
apply() {
  manifests "$1" "$2" >"$cache/$1.yaml"
  # A kind that was defined a moment ago is not served yet.
  again 30 k apply --server-side --force-conflicts -f "$cache/$1.yaml"
}
# An EventListener looks for interceptors' certificates when it starts and then once
# a minute: ours must be there before.
interceptor() { [ -n "$(k get clusterinterceptor countersign -o jsonpath='{.spec.clientConfig.caBundle}')" ]; }

step "The cluster"
"$root/cluster/up.sh" 8>&-
eval "$("$root/cluster/env.sh")"

step "The programs and their images"
fresh countersign "$(sources api approvals cmd interceptor internal templates)" "$root/deploy/image.sh" cluster.local/countersign:dev "$cache/countersign.tar"
fresh demo-program "$(sources api demo)" demo_program
fresh demo "$(sources api demo)" demo_image
long "loading images" "$root/cluster/load.sh" "$cache/countersign.tar" "$cache/demo.tar"
if [ "${CLUSTER:-}" = current ]; then long "building and loading git and terraform" "$root/demo/images.sh"; fi

step "The service, the example, a git server and a mail server"
ports=$("$cache/demo" publish -state "$cache" 8>&-)
eval "$ports"
long "applying demo/service" apply service countersign
long "starting the service" again 180 interceptor
long "applying demo/cluster" apply cluster demo

export DEMO_STEPS
flags=(-state "$cache" -infra "$root/examples/terraform/infra" -by "${BY:-push}")
if [ -n "$decide" ]; then flags+=(-decide "$decide"); fi
if [ -n "${TAMPER:-}" ]; then flags+=(-tamper); fi
exec "$cache/demo" run "${flags[@]}"
