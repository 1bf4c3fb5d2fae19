#!/usr/bin/env bash
# Runs test programs one after the other, in a guest. suite.sh reads the lines that begin with "==".
# Usage: guest-tests.sh SECONDS SELECTION PROJECT... -- [ARGUMENT OF THE TEST PROGRAMS...]
#   SELECTION  a file with a project and a class on each line: only these run; "" for all
set -uo pipefail
limit=$1 selection=$2
shift 2
# Before 5.11 maps and programs count against the limit of locked memory.
ulimit -l unlimited
projects=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do projects+=("$1"); shift; done
[ $# = 0 ] || shift
for project in "${projects[@]}"; do
  filter=()
  if [ -n "$selection" ]; then
    mapfile -t classes < <(awk -v project="$project" '$1 == project { print $2 }' "$selection")
    [ ${#classes[@]} -gt 0 ] || continue
    filter=(--filter-class "${classes[@]}")
  fi
  # The host's daemon keeps a file open for each that the guest remembers, and files end to be found when it has too many.
  sync; echo 2 >/proc/sys/vm/drop_caches
  echo "== begin $project"
  # 8: the filter leaves no test of this project.
  timeout -k 10 "$limit" dotnet "tests/$project/bin/Debug/net10.0/$project.dll" \
    --no-ansi --no-progress --results-directory "/tmp/results" --ignore-exit-code 8 "${filter[@]}" "$@"
  echo "== end $project $?"
done
