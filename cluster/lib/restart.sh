#!/usr/bin/env bash
# restart.sh kube-apiserver|etcd [SECONDS]: kill -9 of one of the programs of the cluster that up.sh started, and, SECONDS later, starts
# it again with the same words, in the same place: cgroup, namespaces, pid file, log. It says what it did, and does not
# wait until it is ready.
#
# Its port is free a moment after its process is gone: until then a new one ends at once, and is started again.
# The words are kept before the kill: of one that is dead, or was never started to its end, they could not be read.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=cluster/lib/common.sh
. "$here/common.sh"
# shellcheck source=cluster/lib/process.sh
. "$here/process.sh"
need_root
name=${1:-} down=${2:-0}
case $name in
  kube-apiserver) word=--etcd-servers= ;;
  etcd) word=--data-dir= ;;
  *) die "usage: restart.sh kube-apiserver|etcd [SECONDS]" ;;
esac
words_file=$RUN/$name.words

# nsenter becomes the program by exec, and has its own words before that.
runs() { [ "$(basename "$(readlink "/proc/$1/exe" || true)")" != nsenter ] && tr '\0' '\n' <"/proc/$1/cmdline" | grep -q -- "^$word"; }

old=none
if pid=$(pid_of "$name") && runs "$pid"; then
  cp "/proc/$pid/cmdline" "$words_file"
  old=$pid
  kill -9 "$pid"
fi
[ -s "$words_file" ] || die "$name does not run, and was not restarted before: cluster/up.sh"
sleep "$down"
mapfile -d '' -t words <"$words_file"
for try in $(seq 50); do
  start "$name" "${words[@]}"
  new=$(cat "$RUN/$name.pid")
  for _ in $(seq 12); do # it reads its keys and then listens
    sleep 0.1
    [ -e "/proc/$new" ] || continue 2
  done
  echo "$name $old is now $new, started ${try}x"
  exit
done
die "$name does not stay up; its log: $LOG/$name.log"
