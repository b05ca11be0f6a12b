# shellcheck shell=bash
# The programs, built from the Go module proxy. Source lib/common.sh and progress.sh first.
#
# Each lies in $CACHE/programs/NAME-KEY, where KEY is a digest of everything that goes into it: its folder under
# src/ (go.mod and go.sum pin every version), the flags and the Go version. An unchanged one is never built again.

command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || die "Go is missing: https://go.dev/dl (1.26.6 or newer)"

# The user's own GOMODCACHE and GOCACHE are used; these flags make the result independent of this folder's path.
export CGO_ENABLED=0 GOFLAGS="-buildvcs=false -trimpath" GOWORK=off
LDFLAGS="-s -w"

# COUNTERSIGN_KUBERNETES=1.30, COUNTERSIGN_TEKTON=1.12: another line of theirs, from src/hyperkube-1.30, src/tekton-1.12.
# Each has a go.mod and a go.sum of its own in the repository: resolved when it is built, it would be another build each time.
HYPERKUBE_SOURCE=$CLUSTER_DIR/src/hyperkube${COUNTERSIGN_KUBERNETES:+-$COUNTERSIGN_KUBERNETES}
TEKTON_SOURCE=$CLUSTER_DIR/src/tekton${COUNTERSIGN_TEKTON:+-$COUNTERSIGN_TEKTON}
for dir in "$HYPERKUBE_SOURCE" "$TEKTON_SOURCE"; do
  [ -d "$dir" ] || die "there is no such line: $dir"
done

# The Kubernetes version is read from go.mod. It must be stamped into the binary: Tekton refuses a server without one.
KUBE_VERSION=$(sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\).*/\1/p' "$HYPERKUBE_SOURCE/go.mod")
KUBE_MINOR=${KUBE_VERSION#v1.} KUBE_MINOR=${KUBE_MINOR%%.*}
hyperkube_ldflags() {
  local pkg=k8s.io/component-base/version
  echo "$LDFLAGS -X $pkg.gitVersion=$KUBE_VERSION -X $pkg.gitMajor=1 -X $pkg.gitMinor=$KUBE_MINOR -X $pkg.gitTreeState=clean -X github.com/coredns/coredns/coremain.GitCommit=none"
}

GO_VERSION=$(go env GOVERSION)
source_dir() { # NAME
  case $1 in
    hyperkube) echo "$HYPERKUBE_SOURCE" ;;
    tekton | resolvers) echo "$TEKTON_SOURCE" ;;
    *) echo "$CLUSTER_DIR/src/$1" ;;
  esac
}
program_dir() { # NAME
  local key
  key=$({ cat "$(source_dir "$1")"/* && echo "$GO_VERSION $GOFLAGS $LDFLAGS"; } | sha256sum)
  echo "$CACHE/programs/$1-${key:0:12}"
}

module_dir() { (cd "$TEKTON_SOURCE" && go list -m -f '{{.Dir}}' "$1"); }
module_version() { (cd "$TEKTON_SOURCE" && go list -m -f '{{.Version}}' "$1"); }

# etcd, the Kubernetes programs and CoreDNS are one file of 148 MB; the name it is run by selects the program.
HYPERKUBE_NAMES=(etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl coredns)
compile_hyperkube() { # OUT
  local name
  go build -v -ldflags="$(hyperkube_ldflags)" -o "$1/hyperkube" .
  for name in "${HYPERKUBE_NAMES[@]}"; do ln -sf hyperkube "$1/$name"; done
}

# Two builds, because controller and webhook exist in both modules.
PIPELINE_PROGRAMS=(controller entrypoint events nop sidecarlogresults webhook workingdirinit)
TRIGGERS_PROGRAMS=(controller eventlistenersink interceptors webhook)
compile_tekton() { # OUT
  local org=github.com/tektoncd
  mkdir -p "$1/pipeline" "$1/triggers"
  go build -v -ldflags="$LDFLAGS" -o "$1/pipeline/" "${PIPELINE_PROGRAMS[@]/#/$org/pipeline/cmd/}"
  go build -v -ldflags="$LDFLAGS" -o "$1/triggers/" "${TRIGGERS_PROGRAMS[@]/#/$org/triggers/cmd/}"
}

# Only with COUNTERSIGN_RESOLVERS=1.
compile_resolvers() {
  mkdir -p "$1/pipeline"
  go build -v -ldflags="$LDFLAGS" -o "$1/pipeline/" github.com/tektoncd/pipeline/cmd/resolvers
}

compile_pause() { go build -v -ldflags="$LDFLAGS" -o "$1/pause" .; }

# version.dev=no: a released version, without "-dev" in its name.
compile_tofu() {
  go build -v -ldflags="$LDFLAGS -X github.com/opentofu/opentofu/version.dev=no" -o "$1/tofu" github.com/opentofu/opentofu/cmd/tofu
}

# build NAME WHAT: makes the folder appear at once and whole, so that a build broken off is no build.
build() {
  local name=$1 what=$2 dir
  dir=$(program_dir "$name")
  [ -d "$dir" ] && return
  rm -rf "$dir.part" && mkdir -p "$dir.part"
  progress "build-$name" "building $what" compile "$name" "$dir.part"
  mv "$dir.part" "$dir"
}
compile() { # NAME OUT
  cd "$(source_dir "$1")" || return
  "compile_$1" "$2"
}

build_hyperkube() { build hyperkube "Kubernetes $KUBE_VERSION, etcd, CoreDNS"; }
build_all() {
  build_hyperkube
  build tekton "Tekton Pipelines $(module_version github.com/tektoncd/pipeline), Triggers $(module_version github.com/tektoncd/triggers)"
  build pause "pause"
  build tofu "OpenTofu"
  [ -z "${COUNTERSIGN_RESOLVERS:-}" ] || build resolvers "Tekton's remote resolvers"
}
