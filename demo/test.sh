#!/usr/bin/env bash
# test.sh: runs the demo in each way that there is and checks its end: exit code,
# last line, and that the commands that it prints do what it says they do. A cluster
# that is up stays up; then it takes three to four minutes.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
out=$(mktemp -d)
terminal=
end() {
  if [ -n "$terminal" ]; then kill "$terminal" 2>/dev/null || true; fi
  rm -rf "$out"
}
trap end EXIT
unset APPROVE REJECT TAMPER BY

failed() {
  printf 'FAILED  %s\n' "$1" >&2
  cat "$out/log" >&2
  exit 1
}
# ends CODE PATTERN WHAT: how the run whose output is in $out/log ended.
ends() {
  [ "$(cat "$out/rc")" = "$1" ] || failed "$3: exit code $(cat "$out/rc")"
  tail -n 1 "$out/log" | tr -d '\r' | grep -Eq "$2" || failed "$3: last line"
  printf 'ok %4ds  %s\n' $((SECONDS - began)) "$3"
}
# piped NAME=VALUE...: without a terminal.
piped() {
  began=$SECONDS rc=0
  env "$@" demo/run.sh >"$out/log" 2>&1 </dev/null || rc=$?
  echo $rc >"$out/rc"
}
# on_terminal NAME=VALUE...: ends the demo with itself.
on_terminal() {
  local pid rc=0
  env "$@" script -qec "stty cols 100; exec demo/run.sh" /dev/null >"$out/log" 2>&1 </dev/null &
  pid=$!
  trap 'kill "$pid"; exit 1' TERM
  wait $pid || rc=$?
  echo $rc >"$out/rc"
}
# person PATTERN NAME=VALUE...: on a terminal, where a person runs what is printed from the line with PATTERN on.
person() {
  local pattern=$1
  shift
  began=$SECONDS
  rm -f "$out/rc"
  : >"$out/log"
  on_terminal "$@" &
  terminal=$!
  until grep -q 'waiting for a decision' "$out/log"; do
    if [ -e "$out/rc" ] || [ $((SECONDS - began)) -gt 300 ]; then failed "asks nobody"; fi
    sleep 0.2
  done
  tr -d '\r' <"$out/log" | sed -n "/$pattern/,/^\$/{p;/^\$/q}" >"$out/command"
  bash -euo pipefail "$out/command" >"$out/answer" 2>&1 || { cat "$out/command" "$out/answer" >&2 && failed "what is printed does not work"; }
  wait "$terminal"
  terminal=
}
run='part 2 countersign-demo/terraform-apply-[a-z0-9]+'

piped APPROVE=1
ends 0 "^demo: approved: $run Succeeded\$" "APPROVE=1"
grep -q 'Apply complete!' "$out/log" || failed "nothing was applied"
piped APPROVE=1
ends 0 "^demo: approved: $run Succeeded\$" "APPROVE=1 again"
grep -q 'Plan: 1 to add, 2 to change, 1 to destroy' "$out/log" || failed "the second plan does not build on the first"
for from in 'plan, from Log' 'plan.json, from Upload'; do
  grep -q "evidence $from: 1 to add, 2 to change, 1 to destroy" "$out/log" || failed "what is decided on is not the plan: $from"
done
piped REJECT=1
ends 0 "^demo: rejected: $run Succeeded\$" "REJECT=1"
grep -q 'was rejected by alice@example.com: Not on a Friday' "$out/log" || failed "the refusal is not recorded"
grep -Eq 'The plan for [0-9a-f]{40} \([0-9]+ add · .*\) was rejected' "$out/log" || failed "the refusal does not say what was refused"
if grep -q 'Apply complete!' "$out/log"; then failed "something was applied"; fi
piped APPROVE=1 TAMPER=1
ends 0 "^demo: tampered: $run Failed\$" "a plan file that was changed is not applied"
if grep -q 'Apply complete!' "$out/log"; then failed "something was applied"; fi
piped BY=curl
ends 0 "^demo: approved: $run Succeeded\$" "no terminal, part 1 by a bare curl"
grep -q 'approves by itself' "$out/log" || failed "does not say that it decides by itself"
person '^  curl -fsS' BY=push
ends 0 "^demo: approved: $run Succeeded\$" "a terminal, and the printed curl by the link"
person '^  eval' BY=push
ends 0 "^demo: approved: $run Succeeded\$" "a terminal, and the printed curl with a token"
grep -q 'Approved by system:serviceaccount:countersign-demo:approver' "$out/log" || failed "not by the token's owner"
piped APPROVE=1 REJECT=1
ends 1 'not both' "APPROVE=1 and REJECT=1 are refused"
echo "all passed"
