#!/usr/bin/env bash
# run.sh [STAGE...]: lint verify unit fuzz pages login kube record e2e attack chaos browser, or those named (upgrade, bench,
# bench-pages, otel and dashboard too).
# Each tells its name and its time; a stage that fails does not stop the next ones. The last line is the sum:
# "N passed, 0 failed".
# KEEP=1: leaves the cluster and what is in it for a look. RUN=regexp: only the tests that match.
# shellcheck disable=SC2317 # stages are called by name
set -uo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit
mkdir -p "$CACHE"
work=$(mktemp -d)
export COUNTS=$work/counts
: >"$COUNTS"

# Whatever happens, the machine is left as it was found. cluster_end knows whether there is anything to do.
end() {
  [ -z "${ahead:-}" ] || wait "$ahead"
  chaos_mend >&2
  cluster_end >&2
  rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

only=() only_binary=() # flags, for go test and for a test program
[ -z "${RUN:-}" ] || only=("-run=$RUN") only_binary=("-test.run=$RUN")

# check NAME COMMAND...: a check that is no Go test, counted as one.
check() {
  local name=$1 since
  since=$(now)
  shift
  if "$@" >"$work/out" 2>&1; then
    printf 'ok   %8s  %s\n' "$(elapsed "$since")" "$name"
    echo 1 0 0 >>"$COUNTS"
  else
    cat "$work/out"
    printf 'FAIL %8s  %s\n' "$(elapsed "$since")" "$name"
    echo 0 1 0 >>"$COUNTS"
    return 1
  fi
}

scripts() { git ls-files -co --exclude-standard -- '*.sh' .ci/run 2>/dev/null || find . -name '*.sh'; }
run_shellcheck() { scripts | xargs shellcheck -x; }
run_golangci() { "$(tool golangci-lint)" run --allow-parallel-runners ./...; }
stage_lint() {
  local failed=0
  check golangci-lint run_golangci || failed=1
  apt_get shellcheck:shellcheck || failed=1
  check shellcheck run_shellcheck || failed=1
  return "$failed"
}

run_release_tests() { (cd tools/release && go test ./...); }
stage_verify() {
  local failed=0
  check "generated files" tools/generate.sh verify || failed=1
  check "the chart is what kustomize makes" run_release_tests || failed=1
  return "$failed"
}

# What a release consists of: compiled for all platforms, pushed to a real registry and pulled by digest; alerts by promtool.
stage_release() { check "a release" test/release.sh; }

stage_unit() { go test -json "${only[@]}" ./... | sum; }

# Every parser that takes bytes from outside, against bytes that nobody thought of.
stage_fuzz() { test/fuzz.sh; }

# Every page of the storybook in a real browser: accessible, by keyboard, at any hour.
stage_pages() {
  apt_get chromium:chromium npm:npm || return
  COUNTERSIGN_AXE=$(axe) || fail "axe-core could not be had from the npm registry" || return
  export COUNTERSIGN_AXE
  go test -json -count=1 -tags pages "${only[@]}" -timeout=40m ./test/pages | sum testname
}

# A real provider, a real proxy, and a real collector of traces, as processes that end with the test.
stage_login() {
  apt_get chromium:chromium || return
  COUNTERSIGN_DEX=$(tool dex) && COUNTERSIGN_OAUTH2_PROXY=$(tool oauth2-proxy) && COUNTERSIGN_OTELCOL=$(tool otelcol) || return
  export COUNTERSIGN_DEX COUNTERSIGN_OAUTH2_PROXY COUNTERSIGN_OTELCOL
  go test -json -count=1 -tags login,otel "${only[@]}" -timeout=15m ./test/login ./test/collector | sum testname
}

stage_kube() {
  local packages
  KUBEBUILDER_ASSETS=$(cluster/assets.sh) || return
  # The command line of manual-approval-gate, which must work against our ApprovalTasks.
  COUNTERSIGN_TKN_APPROVALTASK=$(tool tkn-approvaltask) || return
  # Helm, and what makes its chart, whose objects a real API server must take without a word.
  COUNTERSIGN_HELM=$(tool helm) && COUNTERSIGN_RELEASE=$(tool release) || return
  export KUBEBUILDER_ASSETS COUNTERSIGN_TKN_APPROVALTASK COUNTERSIGN_HELM COUNTERSIGN_RELEASE
  # Only packages that have such tests; none is a failure.
  packages=$(grep -rlE '^//go:build (.*\W)?kube(\W|$)' --include='*_test.go' . | xargs -r -n1 dirname | sort -u)
  [ -n "$packages" ] || fail "no package has a test with tag kube" || return
  # shellcheck disable=SC2086
  go test -json -tags kube "${only[@]}" -timeout=20m $packages | sum
}

# The record's store on a real PostgreSQL, which the test starts, stops and kills by itself.
stage_record() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || install_postgres || return
  go test -json -tags postgres "${only[@]}" -timeout=10m ./internal/audit/postgres | sum testname
}

# Debian's package would start a server of its own.
install_postgres() {
  mkdir -p /etc/postgresql-common/createcluster.d &&
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/countersign.conf || return
  apt_get initdb:postgresql
}

# What runs beside each other waits for the cluster, and not for this machine's processors.
stage_e2e() {
  apt_get ssh-keygen:openssh-client || return
  in_deployed e2e_with_git e2e test/e2e -test.parallel=12 "${only_binary[@]}"
}
e2e_with_git() {
  # shellcheck source=test/gitssh.sh
  . "$ROOT/test/gitssh.sh"
  gitssh && suite "$@"
}
# A hostile tenant, attempt by attempt, each with the exact safe answer.
stage_attack() { in_deployed suite attack test/attack -test.parallel=12 "${only_binary[@]}"; }
# Approvals that are opened and decided while everything is broken in turns, judged from outside. Its settings (SEED, N,
# ONLY, LOAD, DRAIN, CALM, OUT) are read by the test itself. A run of an even seed has a store of the record.
stage_chaos() {
  local code
  [ $((${SEED:-1} % 2)) = 1 ] || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || install_postgres || return
  in_deployed chaos_beside_old chaos test/chaos "${only_binary[@]}"
  code=$?
  chaos_mend
  return "$code"
}
chaos_beside_old() {
  local commit old
  commit=$(previous_commit) || return
  if [ -n "$commit" ]; then
    old=$(version "$commit") || return
    export COUNTERSIGN_OLD_IMAGE=${old#* }
  else
    echo "there is no older version here (git log): kind two-versions is left out"
  fi
  suite "$@"
}
# wanted FILE...: whether RUN names a test of theirs: a suite in which none is run fails.
wanted() { grep -hoE '^func Test[A-Za-z]+' "$@" | cut -d' ' -f2 | grep -qE "${RUN:-.}"; }

# Install, upgrade, roll back and remove, by kubectl and by Helm, with Approvals pending. It removes what is installed.
stage_upgrade() {
  local previous image version code=0
  previous=$(previous_commit) && [ -n "$previous" ] || fail "upgrading needs an older version: a clone with its history" || return
  [ -n "${CLUSTER_WAS_UP:-}" ] || cluster_begin || return
  image=$(this_image) && COUNTERSIGN_TKN=$(program tkn-approval) && COUNTERSIGN_HELM=$(tool helm) && COUNTERSIGN_RELEASE=$(tool release) || return
  export COUNTERSIGN_IMAGE=$image COUNTERSIGN_TKN COUNTERSIGN_HELM COUNTERSIGN_RELEASE
  version=$(version "$previous") || return
  export COUNTERSIGN_PREVIOUS_TREE=${version% *} COUNTERSIGN_PREVIOUS_IMAGE=${version#* }
  # Its chart is made by its own program.
  export COUNTERSIGN_PREVIOUS_RELEASE=${COUNTERSIGN_PREVIOUS_TREE%/tree}/release
  [ -x "$COUNTERSIGN_PREVIOUS_RELEASE" ] ||
    go build -C "$COUNTERSIGN_PREVIOUS_TREE/tools/release" -ldflags="-s -w" -o "$COUNTERSIGN_PREVIOUS_RELEASE" . || return
  version=$(version "$COMPATIBLE_SINCE") || return
  export COUNTERSIGN_OLDEST_TREE=${version% *} COUNTERSIGN_OLDEST_IMAGE=${version#* }
  version=$(version "$BEFORE_NAMES") || return
  export COUNTERSIGN_RENAMED_TREE=${version% *} COUNTERSIGN_RENAMED_IMAGE=${version#* }
  deployed=
  wanted test/upgrade/*_test.go && { suite upgrade test/upgrade "${only_binary[@]}" || code=1; }
  wanted test/chaos/upgrade_test.go && { suite chaos,upgrade test/chaos "-test.run=${RUN:-^(TestUpgrade|TestRollback)$}" || code=1; }
  chaos_mend
  # What was installed is another version, or none.
  [ -n "${KEEP:-}" ] || in_cluster "$COUNTERSIGN_TKN" uninstall --data --ignore-triggers --yes >/dev/null || code=1
  [ -n "${KEEP:-}" ] || [ "$WAS_DEPLOYED" = no ] || deploy || code=1
  return "$code"
}
stage_browser() {
  apt_get chromium:chromium || return
  COUNTERSIGN_DEX=$(tool dex) || return
  export COUNTERSIGN_DEX
  in_deployed suite browser test/browser "${only_binary[@]}"
}
# Traces in the real OpenTelemetry Collector, beside Tekton's own: from one run to the next.
stage_otel() {
  COUNTERSIGN_OTELCOL=$(tool otelcol) || return
  export COUNTERSIGN_OTELCOL
  in_deployed suite otel test/otel "${only_binary[@]}"
}
# Approvals and Gates in a Tekton Dashboard that is given: DASHBOARD is its address, as the cluster's network knows it.
stage_dashboard() {
  [ -n "${DASHBOARD:-}" ] || fail "DASHBOARD is not set: give the address of a Tekton Dashboard that shows this cluster" || return
  apt_get chromium:chromium || return
  in_deployed suite dashboard test/dashboard "${only_binary[@]}"
}
# The part of the bench that needs no cluster, and is not to be disturbed by one: the pages, empty beside full.
stage_bench-pages() { go test -json -count=1 -tags bench -timeout=20m -run '^TestPages' ./test/bench | sum standard-verbose; }
stage_bench() { FORMAT=standard-verbose in_deployed bench_beside_peers bench test/bench "-test.skip=^TestPages" "${only_binary[@]}"; }
bench_beside_peers() {
  # shellcheck source=test/peers.sh
  . "$ROOT/test/peers.sh"
  timed "(manual-approval-gate)" peers_begin || return
  suite "$@"
  local code=$?
  peers_end
  return "$code"
}

# The cluster is begun once for all stages that need it; deploy does nothing when nothing changed.
in_deployed() {
  [ -d "$3" ] || fail "there is no $3" || return
  [ -n "${CLUSTER_WAS_UP:-}" ] || cluster_begin || return
  [ -n "${deployed:-}" ] || deploy || return
  deployed=yes
  "$@"
}

stages=("$@")
[ $# != 0 ] || stages=(lint verify unit fuzz pages login kube record e2e attack chaos browser)
summary=() all=$(now) total_failed=0
for stage in "${stages[@]}"; do
  declare -F "stage_$stage" >/dev/null || die "no such stage: $stage"
done
# The browser is downloaded while other stages work; who needs it waits for it.
ahead=
if [ ${#stages[@]} -gt 1 ] && [[ " ${stages[*]} " = *" pages "* ]]; then
  apt_get chromium:chromium npm:npm >/dev/null &
  ahead=$!
fi
for stage in "${stages[@]}"; do
  printf '\n== %s\n' "$stage"
  since=$(now)
  failed_before=$(awk '{f += $2} END {print f + 0}' "$COUNTS")
  if "stage_$stage"; then state=ok; else state=FAIL; fi
  if [ $state = FAIL ] && [ "$(awk '{f += $2} END {print f + 0}' "$COUNTS")" = "$failed_before" ]; then
    echo 0 1 0 >>"$COUNTS" # it failed before any test could
  fi
  [ $state = ok ] || total_failed=1
  summary+=("$(printf '%-5s %9s  %s' "$state" "$(elapsed "$since")" "$stage")")
done
since=$(now)
if cluster_end; then state=ok; else state=FAIL total_failed=1 && echo 0 1 0 >>"$COUNTS"; fi
[ -z "${CLUSTER_WAS_UP:-}" ] || summary+=("$(printf '%-5s %9s  %s' $state "$(elapsed "$since")" "clean up")")
CLUSTER_WAS_UP=
# Last, so that the sum is the last line.
printf '\n== summary\n'
printf '%s\n' "${summary[@]}"
printf '%-5s %9s  %s\n\n' "" "$(elapsed "$all")" "in all"
awk '{p += $1; f += $2; s += $3}
  END {if (s) printf "%d skipped, named above\n", s; printf "%d passed, %d failed\n", p, f}' "$COUNTS"
exit $total_failed
