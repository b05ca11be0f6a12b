#!/usr/bin/env bash
# matrix.sh [KUBERNETES/TEKTON...]: the main paths on each line of matrix.txt, or on those named (own/1.9), each on a cluster
# that is begun for it and ended after it; at the end a table, which stands in docs/reference/versions.md.
# RUN=regexp: other tests of test/e2e than these.
set -uo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit
unset KEEP # the next line needs the machine

# One of each way that Countersign and Tekton meet: a run that ends and one that is started by a signed event; the page, an
# object and another system's object to vote with; a held event, also behind a stock interceptor; a pod's log and upload;
# approval tasks of all three systems; a pending run; a claim that outlives its run; a run started again.
PATHS=(
  TestMainPathByMailedLink TestVoteByObject TestEvidence TestSecondRunToItsEnd
  TestHeldPush TestStockGithubInterceptorTakesTheSignedEvent
  TestTaskBetweenTwo TestGateExample TestAutomatikoExamples TestKubeRocketCIExample
  TestPendingRun TestVolumeOutlivesPartOne
)

# A name that is gone would be a path that nobody looks at any more.
known() {
  local name code=0
  for name in "${PATHS[@]}"; do
    grep -q "^func $name(" test/e2e/*_test.go || fail "test/e2e has no $name" || code=1
  done
  return "$code"
}

# What a folder of cluster/src requires.
required() { # FOLDER MODULE
  sed -n "s#^\t$2 \(v[0-9.]*\).*#\1#p" "cluster/src/$1/go.mod"
}
folder() { # WHAT NUMBER
  case $2 in own) echo "$1" ;; *) echo "$1-$2" ;; esac
}

row() { printf '%-11s  %-11s  %-11s  %-22s  %s\n' "$@"; }

# line KUBERNETES TEKTON: adds a row to the table.
line() {
  local kubernetes tekton since code log=$CACHE/matrix/$1-$2.log
  kubernetes=$(folder hyperkube "$1") tekton=$(folder tekton "$2")
  since=$(now)
  printf '\n==== Kubernetes %s, Tekton %s\n' "$1" "$2"
  COUNTERSIGN_KUBERNETES=${1#own} COUNTERSIGN_TEKTON=${2#own} RUN=${RUN:-^($(IFS='|' && echo "${PATHS[*]}"))\$} \
    test/run.sh e2e 2>&1 | tee "$log"
  code=${PIPESTATUS[0]}
  rows+=("$(row "$(required "$kubernetes" k8s.io/kubernetes)" "$(required "$tekton" github.com/tektoncd/pipeline)" \
    "$(required "$tekton" github.com/tektoncd/triggers)" "$(tail -n 1 "$log")" "$(elapsed "$since")")")
  return "$code"
}

[ "${CLUSTER:-}" != current ] || die "each line has a cluster of its own: CLUSTER=current is none of them"
! cluster/in.sh true 2>/dev/null || die "a cluster is up, and each line has one of its own: make cluster-down"
known || exit
mkdir -p "$CACHE/matrix"
lines=("$@") rows=() failed=0
[ $# != 0 ] || mapfile -t lines < <(sed -nE 's#^([a-z0-9.]+) +([a-z0-9.]+)$#\1/\2#p' test/matrix.txt)
for pair in "${lines[@]}"; do
  [[ $pair == */* ]] || die "not a line of test/matrix.txt: $pair; write KUBERNETES/TEKTON, as in own/1.9"
  line "${pair%/*}" "${pair#*/}" || failed=1
done
printf '\n==== the matrix; each line has its log in %s\n' "$CACHE/matrix"
row Kubernetes Pipelines Triggers "" ""
printf '%s\n' "${rows[@]}"
exit "$failed"
