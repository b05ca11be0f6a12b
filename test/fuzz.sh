#!/usr/bin/env bash
# fuzz.sh: every fuzz test of the tree, for FUZZTIME each (10s).
set -euo pipefail
# shellcheck source=test/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
mapfile -t found < <(grep -rHoE '^func Fuzz\w+' --include='*_test.go' . | sed 's/:func /:/' | sort)
[ ${#found[@]} != 0 ] || die "there is no fuzz test"
for entry in "${found[@]}"; do
  file=${entry%%:*} name=${entry##*:}
  printf '== %s %s\n' "$(dirname "$file")" "$name"
  go test -run='^$' -fuzz="^$name\$" -fuzztime="${FUZZTIME:-10s}" "$(dirname "$file")"
done
