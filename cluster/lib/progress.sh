# shellcheck shell=bash
# Shows that something long is going on: what, since when, and the last thing it said.
# Source lib/common.sh first.

PROGRESS_PID=
# A shell without job control starts its children with SIGINT ignored: end them ourselves on Ctrl-C.
# The jobs that a killed `go build` leaves (one compiler each) end by themselves within seconds.
trap 'if [ -n "$PROGRESS_PID" ]; then kill "$PROGRESS_PID" 2>/dev/null || true; fi' EXIT

# progress NAME WHAT COMMAND...: runs COMMAND with its output in NAME's log. On a terminal one line is rewritten;
# elsewhere a line is printed every ten seconds. Fails as COMMAND does, after showing the log's end.
progress() {
  local what=$2 log=$LOG/$1.log since shown rc=0
  shift 2
  since=$(now) shown=$SECONDS
  mkdir -p "$LOG"
  "$@" >"$log" 2>&1 9>&- &
  PROGRESS_PID=$!
  while kill -0 "$PROGRESS_PID" 2>/dev/null; do
    sleep 0.2
    if [ -t 2 ]; then
      printf '\r\033[K%8s  %s (%s) %.60s' "$(elapsed)" "$what" "$(elapsed "$since")" "$(last_line "$log")" >&2
    elif [ $((SECONDS - shown)) -ge 10 ]; then
      shown=$SECONDS
      say "$what ... $(elapsed "$since"), $(wc -l <"$log") lines; now: $(last_line "$log")"
    fi
  done
  wait "$PROGRESS_PID" || rc=$?
  PROGRESS_PID=
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
  if [ "$rc" != 0 ]; then
    tail -n 20 "$log" >&2
    die "$what failed after $(elapsed "$since"); the whole log: $log"
  fi
  say "$what: $(elapsed "$since")"
}

last_line() { tail -n 1 "$1" | tr -d '\r' | cut -c1-100; }
