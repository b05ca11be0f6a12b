#!/usr/bin/env bash
# fuzz.sh: every fuzz test of the tree, for FUZZTIME each (15s), FUZZJOBS (4) of them at a time.
# Each package is built once. What a fuzz test finds stands in its package's testdata/fuzz: commit it with the mend.
set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
mapfile -t found < <(grep -rHoE '^func Fuzz\w+' --include='*_test.go' . | sed 's/:func /:/' | sort)
[ ${#found[@]} != 0 ] || die "there is no fuzz test"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ended_by_time LOG: the fuzzer fails with nothing but the end of its own time: a race of its coordinator on a busy
# machine (https://go.dev/issue/75804, mended in Go 1.27). What a fuzz test finds says "Failing input written".
ended_by_time() {
  grep -A1 '^--- FAIL: ' "$1" | grep -qx '    context deadline exceeded' && ! grep -qE 'Failing input|panic:|hung or terminated' "$1" &&
    grep -qE 'execs: [1-9]' "$1"
}

# fuzz DIR NAME: runs one, and writes its line.
fuzz() {
  local dir=$1 name=$2 since out code=0
  since=$(now)
  out=$work/$(tr / - <<<"$dir")-$name.log
  (cd "$dir" && "$work/$(tr / - <<<"$dir").test" -test.run='^$' -test.fuzz="^$name\$" -test.fuzztime="${FUZZTIME:-15s}" \
    -test.fuzzcachedir="$CACHE/fuzz/$dir" -test.parallel=1) >"$out" 2>&1 || code=$?
  if [ $code = 0 ] || ended_by_time "$out"; then
    code=0
    printf 'ok   %8s  %s %s: %s\n' "$(elapsed "$since")" "$dir" "$name" "$(grep -oE 'execs: [0-9]+' "$out" | tail -n1)"
    echo 1 0 0 >>"${COUNTS:-/dev/null}"
  else
    cat "$out"
    printf 'FAIL %8s  %s %s\n' "$(elapsed "$since")" "$dir" "$name"
    echo 0 1 0 >>"${COUNTS:-/dev/null}"
  fi
  return $code
}

mkdir -p "$CACHE/fuzz"
for dir in $(printf '%s\n' "${found[@]%%:*}" | xargs -n1 dirname | sort -u); do
  # With -fuzz all that it imports is compiled again, to tell the fuzzer which lines it reached. What imports
  # Kubernetes or Tekton would take minutes for that: there the fuzzer goes by chance and by the seeds.
  guided=(-fuzz=.)
  [ "$(go list -deps -test "$dir" | wc -l)" -lt 500 ] || guided=()
  go test -c "${guided[@]}" -o "$work/$(tr / - <<<"$dir").test" "$dir"
done
failed=0
for entry in "${found[@]}"; do
  while [ "$(jobs -rp | wc -l)" -ge "${FUZZJOBS:-4}" ]; do wait -n || failed=1; done
  fuzz "$(dirname "${entry%%:*}")" "${entry##*:}" &
done
while [ -n "$(jobs -p)" ]; do wait -n || failed=1; done
exit $failed
