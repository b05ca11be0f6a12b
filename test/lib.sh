# shellcheck shell=bash
# What the runner scripts share. Source it; it starts nothing.
# shellcheck disable=SC2034 # most of these are used by the files that source this one
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
MODULE=github.com/countersign-dev/countersign
CACHE=${COUNTERSIGN_CACHE:-${HOME:-/root}/.cache/countersign}
command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
# One set of flags everywhere, as in the Makefile: other flags are another build of all dependencies.
export CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false"

now() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }
elapsed() { # SINCE  -> "12.3s"
  local ms=$(($(now) - $1))
  printf '%d.%ds' $((ms / 1000)) $((ms % 1000 / 100))
}
die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# fail WORDS...: for a stage, which must end with its line in the summary.
fail() {
  printf 'FAIL  %s\n' "$*"
  return 1
}

# timed WHAT COMMAND...: tells how long COMMAND took.
timed() {
  local what=$1 since code
  since=$(now)
  shift
  "$@"
  code=$?
  printf '%13s  %s\n' "$(elapsed "$since")" "$what"
  return $code
}

# tool NAME: the path of a tool of tools/, built once and kept by the digest of what it is made of.
tool() {
  local name=$1 dir package key
  case $name in
    golangci-lint) dir=$ROOT/tools/lint package=github.com/golangci/golangci-lint/v2/cmd/golangci-lint ;;
    dex) dir=$ROOT/tools/oidc package=./dex ;;
    otelcol) dir=$ROOT/tools/otel package=./otelcol ;;
    oauth2-proxy) dir=$ROOT/tools/oidc package=github.com/oauth2-proxy/oauth2-proxy/v7 ;;
    tkn-approvaltask) dir=$ROOT/tools/mag package=github.com/openshift-pipelines/manual-approval-gate/cmd/tkn-approvaltask ;;
    release) dir=$ROOT/tools/release package=. ;;
    helm) dir=$ROOT/tools/release package=helm.sh/helm/v3/cmd/helm ;;
    mag-*) dir=$ROOT/tools/mag package=github.com/openshift-pipelines/manual-approval-gate/cmd/${name#mag-} ;;
    controller-gen) dir=$ROOT/tools package=sigs.k8s.io/controller-tools/cmd/controller-gen ;;
    gotestsum) dir=$ROOT/tools package=gotest.tools/gotestsum ;;
    *) die "no such tool: $name" ;;
  esac
  key=$({ go env GOVERSION; find "$dir/go.mod" "$dir/go.sum" "$dir/$name" "$dir"/*.go -type f -exec cat {} + 2>/dev/null; } | sha256sum)
  local path=$CACHE/tools/$name-${key:0:12}
  if [ ! -x "$path" ]; then
    mkdir -p "$CACHE/tools"
    rm -f "$CACHE/tools/$name-"*
    (cd "$dir" && go build -ldflags="-s -w" -o "$path.part" "$package") >&2 || return
    mv "$path.part" "$path"
  fi
  echo "$path"
}

# axe: the path of axe-core, which tests of the pages put into them. Nothing of it is in the repository or the product.
AXE=4.10.3 AXE_SHA512=5e6edba515e70d25f6604d9815f064d859c5d1ea7ab661bbc4f87c88779ef0c21cae0abbeb636471ef39e9d62d2582e4b88a1866f19f4ecfcf6d986275e4dc12
axe() {
  local path=$CACHE/axe-core-$AXE.js tmp
  if [ ! -s "$path" ]; then
    tmp=$(mktemp -d)
    npm pack --silent --pack-destination "$tmp" "axe-core@$AXE" >&2 &&
      echo "$AXE_SHA512  $tmp/axe-core-$AXE.tgz" | sha512sum --check --quiet >&2 &&
      tar -xzOf "$tmp/axe-core-$AXE.tgz" package/axe.min.js >"$path.part" && mv "$path.part" "$path"
    rm -rf "$tmp"
  fi
  [ -s "$path" ] && echo "$path"
}

# apt_get COMMAND:PACKAGE...: installs the packages whose command is missing. One waits for another.
apt_get() {
  (
    flock 9 || return
    apt_get_alone "$@" 9>&-
  ) 9>"$CACHE/apt.lock"
}

apt_get_alone() {
  local pair missing=()
  for pair in "$@"; do command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}"); done
  [ ${#missing[@]} != 0 ] || return 0
  command -v apt-get >/dev/null || fail "please install: ${missing[*]}" || return
  echo "installing ${missing[*]}"
  (
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q && apt-get install -qy --no-install-recommends --no-remove "${missing[@]}"
  ) >"$CACHE/apt.log" 2>&1 || { tail -n 20 "$CACHE/apt.log" && fail "apt-get could not install ${missing[*]}"; }
}

# sum [FORMAT]: reads go test -json, tells the result in a format of gotestsum, and adds to the run's counts.
sum() {
  "$(tool gotestsum)" --format "${1:-pkgname}" --format-icons text --format-hide-empty-pkg --ignore-non-json-output-lines \
    --post-run-command "'$ROOT/test/counted.sh'" --raw-command -- cat
}

# ---- the cluster

# cluster_begin: a cluster is up; remembers whether it was before.
cluster_begin() {
  if "$ROOT/cluster/in.sh" true 2>/dev/null; then CLUSTER_WAS_UP=yes; else CLUSTER_WAS_UP=no; fi
  "$ROOT/cluster/up.sh" || return
  eval "$("$ROOT/cluster/env.sh")"
  if in_cluster kubectl get namespace countersign >/dev/null 2>&1; then WAS_DEPLOYED=yes; else WAS_DEPLOYED=no; fi
}

# cluster_end: as it was found. KEEP=1 leaves everything for a look.
cluster_end() {
  [ -n "${CLUSTER_WAS_UP:-}" ] && [ -z "${KEEP:-}" ] || return 0
  if [ "$CLUSTER_WAS_UP" = no ]; then
    "$ROOT/cluster/down.sh"
  elif [ "${WAS_DEPLOYED:-}" = no ]; then
    manifests none | in_cluster kubectl delete --ignore-not-found --wait=false -f - >/dev/null
  fi
}

# chaos_mend: what the chaos test has broken and could not mend, because it was killed.
chaos_mend() {
  local script
  for script in "$CACHE"/chaos/undo/*.sh; do
    [ -e "$script" ] || continue
    in_cluster bash "$script" >/dev/null && rm -f "$script"
    echo "mended: $(basename "$script" .sh)"
  done
}

in_cluster() { "$ROOT/cluster/in.sh" "$@"; }

# source_key: a digest of all that the image is made of.
source_key() {
  (
    cd "$ROOT" || exit
    go env GOVERSION
    find cmd internal approvals interceptor api templates go.mod go.sum deploy/image.sh cluster/mkimage.sh \
      -type f -not -name '*_test.go' -not -path '*/testdata/*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  ) | sha256sum | cut -c1-12
}

# previous_commit: an older version, to upgrade from and to run beside this one: the commit OLD, or else the last one before
# the day of this one, if that has the same names in its objects: COMPATIBLE_SINCE is the first that has. Nothing where
# there is none, as in an archive of the sources.
COMPATIBLE_SINCE=ad703fa
# The last commit before there were releases. Its objects have other names: CHANGELOG.md lists them.
BEFORE_NAMES=43816f0
previous_commit() {
  local commit=${OLD:-}
  git -C "$ROOT" rev-parse --git-dir >/dev/null 2>&1 || return 0
  [ -n "$commit" ] || commit=$(git -C "$ROOT" log -1 --first-parent --format=%h --before="$(git -C "$ROOT" show -s --format=%cs HEAD) 00:00")
  [ -n "$commit" ] || return 0
  if [ -z "${OLD:-}" ] && ! git -C "$ROOT" merge-base --is-ancestor "$COMPATIBLE_SINCE" "$commit" 2>/dev/null; then
    commit=$COMPATIBLE_SINCE
    git -C "$ROOT" merge-base --is-ancestor "$commit" HEAD 2>/dev/null || return 0
  fi
  echo "$commit"
}

# version COMMIT: its tree, and its image, loaded: prints "FOLDER IMAGE".
version() {
  local dir=$CACHE/versions/$1 image=cluster.local/countersign:old-$1
  if [ ! -e "$dir/image.tar" ]; then
    rm -rf "$dir"
    mkdir -p "$dir/tree"
    git -C "$ROOT" archive "$1" | tar -x -C "$dir/tree" &&
      timed "(the image of $1)" "$dir/tree/deploy/image.sh" "$image" "$dir/image.tar.part" >&2 &&
      mv "$dir/image.tar.part" "$dir/image.tar" || return
  fi
  "$ROOT/cluster/load.sh" "$dir/image.tar" >&2 || return
  echo "$dir/tree $image"
}

manifests() { # IMAGE
  kubectl kustomize "$ROOT/test/deploy" | sed "s|ko://$MODULE/cmd/countersign|$1|"
}

# this_image: builds the image of this tree when it is another than the last one, loads it, and prints its name.
this_image() {
  local key tar image
  key=$(source_key)
  tar=$CACHE/images/countersign-$key.tar image=cluster.local/countersign:$key
  if [ ! -e "$tar" ]; then
    mkdir -p "$CACHE/images"
    rm -f "$CACHE/images/countersign-"*
    timed "(the image)" "$ROOT/deploy/image.sh" "$image" "$tar.part" >&2 || return
    mv "$tar.part" "$tar"
  fi
  "$ROOT/cluster/load.sh" "$tar" >&2 && echo "$image"
}

# deploy: installs this tree, and waits until it serves.
deploy() {
  local image
  image=$(this_image) || return
  timed "(the service)" apply "$image"
}

apply() { # IMAGE
  manifests "$1" | in_cluster kubectl apply --server-side --force-conflicts -f - >/dev/null || return
  in_cluster kubectl -n countersign rollout status deployment/countersign --timeout=10m >/dev/null && return
  in_cluster kubectl -n countersign get pods,events
  in_cluster kubectl -n countersign logs deployment/countersign --tail=20
  fail "the service does not start"
}

# program NAME: the service's program, for tests that run it as a process of their own, to kill it; or tkn-approval.
program() {
  local path name=$1
  path=$CACHE/programs/$name-$(source_key)
  if [ ! -x "$path" ]; then
    mkdir -p "$CACHE/programs"
    rm -f "$CACHE/programs/$name-"*
    timed "(program $name)" go build -C "$ROOT" -ldflags="-s -w" -o "$path" "./cmd/$name" >&2 || return
  fi
  echo "$path"
}

# suite TAG PACKAGE [FLAG...]: compiles the test and runs it in the cluster's network, in its own folder. FORMAT: of sum.
suite() {
  local tag=$1 package=$2 bin service code
  shift 2
  [ -d "$ROOT/$package" ] || fail "there is no $package" || return
  service=$(program countersign) || return
  bin=$(mktemp -d)
  timed "(the test program)" go test -C "$ROOT" -c -tags "$tag" -o "$bin/suite.test" "./$package" &&
    { [ -x "$bin/suite.test" ] || fail "$package has no test with tag $tag"; } &&
    (
      cd "$ROOT/$package" || exit
      set -o pipefail
      COUNTERSIGN_ROOT=$ROOT COUNTERSIGN_BINARY=$service in_cluster "$bin/suite.test" -test.v=test2json -test.timeout=60m "$@" 2>&1 |
        go tool test2json -t -p "$MODULE/$package" | sum "${FORMAT:-testname}"
    )
  code=$?
  rm -rf "$bin"
  return $code
}
