#!/usr/bin/env bash
# Runs test programs one after the other, in a guest. suite.sh reads the lines that begin with "==".
# Usage: guest-tests.sh SECONDS PROJECT... -- [ARGUMENT OF THE TEST PROGRAMS...]
set -uo pipefail
limit=$1
shift
projects=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do projects+=("$1"); shift; done
[ $# = 0 ] || shift
for project in "${projects[@]}"; do
  echo "== begin $project"
  # 8: the filter leaves no test of this project.
  timeout -k 10 "$limit" dotnet "tests/$project/bin/Debug/net10.0/$project.dll" \
    --no-ansi --no-progress --results-directory "/tmp/results" --ignore-exit-code 8 "$@"
  echo "== end $project $?"
done
