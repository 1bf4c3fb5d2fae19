#!/usr/bin/env bash
# Builds the tests here, runs them in a guest per kernel, one boot each, and adds up. The last line is "N passed, N failed".
# Usage: suite.sh [OPTION...] [VERSION...] [-- ARGUMENT OF THE TEST PROGRAMS...]
#   VERSION  kernels (default: 6.1 6.12)
#   -p NAME  a test project, once for each (default: all that run tests)
#   -t SEC   after which a test program is ended, and one hung does not cost the others theirs (default 1800)
#   -f FILE  only the classes that the file names, a project and a class on each line: tests/kernels/gate is what .ci/run takes
#   -n       does not build
#   -d       puts the results down in docs/kernels.md
#   -j       all kernels at once: an emulated guest takes one processor
#   -s SUITE a suite of Debian that has the kernels, where the system's sources do not: bullseye for 5.10, trixie-backports for newest
# Everything after -- goes to the test programs: suite.sh 6.12 -- --filter-class '*Kprobe*'
# A skip of what a kernel of that age should have is a failure (STACKDEPTH_REQUIRE=1, tests/Support/Requires.cs).
# Keeps artifacts/kernels/VERSION.tests (the output), VERSION-ARCH.log (the console) and results.md (a table).
set -uo pipefail
cd "$(dirname "$0")/../.."

limit=1800 build=1 document= parallel= selection= projects=() versions=() suite=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  case $1 in
    -p) projects+=("$2"); shift ;;
    -t) limit=$2; shift ;;
    -f) selection=$2; shift ;;
    -n) build= ;;
    -d) document=1 ;;
    -j) parallel=1 ;;
    -s) suite=(-s "$2"); shift ;;
    [0-9]*.[0-9]* | newest) versions+=("$1") ;;
    *) echo "suite.sh: '$1' is neither an option nor a version; what goes to the test programs comes after --." >&2; exit 2 ;;
  esac
  shift
done
[ $# = 0 ] || shift
[ ${#versions[@]} -gt 0 ] || versions=(6.1 6.12)
if [ ${#projects[@]} = 0 ]; then
  for file in tests/*/*.csproj; do
    ! grep -q xunit.v3 "$file" || projects+=("$(basename "$file" .csproj)")
  done
fi

if [ -n "$build" ]; then
  for project in "${projects[@]}"; do
    dotnet build "tests/$project" -nologo -v q || exit 1
  done
fi

# Prints passed, failed, skipped and what went wrong beyond tests: a program without its summary, or one that failed without a failed test.
add_up() {
  awk '
    /^== begin / { begun++; seen = bad = 0 }
    /^ *succeeded: [0-9]+/ { passed += $2; seen = 1 }
    /^ *failed: [0-9]+/ { failed += $2; bad += $2; seen = 1 }
    /^ *skipped: [0-9]+/ { skipped += $2 }
    /^== end / { ended++; if (!seen || ($4 != 0 && !bad)) other++ }
    END { print passed + 0, failed + 0, skipped + 0, other + begun - ended + 0 }' "$1"
}

export STACKDEPTH_REQUIRE=1
mkdir -p artifacts/kernels
table=artifacts/kernels/results.md
printf '| kernel | release | passed | failed | skipped | seconds |\n|---|---|---|---|---|---|\n' >"$table"
passed=0 failed=0
arguments=("$@")

# Runs the tests under a kernel; leaves the output, the exit status and the seconds.
run_kernel() {
  local version=$1 status=0 start=$SECONDS output=artifacts/kernels/$1.tests
  boot_kernel "$version" >"$output" 2>&1 || status=$?
  # 125: the kernel of the guest died, which kernels do by defects of their own (6.12: list_add corruption in uprobe_register). Once more; that it died is said, and its console is kept.
  if [ $status = 125 ]; then
    mv "$output" "$output.died"
    status=0
    boot_kernel "$version" >"$output" 2>&1 || status=$?
  else
    rm -f "$output.died"
  fi
  echo "$status $((SECONDS - start))" >"$output.status"
}

boot_kernel() {
  tests/kernels/run.sh -t $((limit * ${#projects[@]} + 60)) "${suite[@]}" "$1" -- bash -c 'echo "== release $(uname -r)"; exec tests/kernels/guest-tests.sh "$@"' guest \
    "$limit" "$selection" "${projects[@]}" -- "${arguments[@]}"
}

if [ -n "$parallel" ]; then
  tests/kernels/install.sh >&2 || exit 1
  for version in "${versions[@]}"; do run_kernel "$version" & done
  wait
fi
for version in "${versions[@]}"; do
  echo "== kernel $version"
  output=artifacts/kernels/$version.tests
  [ -n "$parallel" ] || run_kernel "$version"
  read -r status seconds <"$output.status"
  [ ! -f "$output.died" ] || { echo "== kernel $version: the guest died once, and was started again. The end of that ($output.died):"; tail -n 60 "$output.died"; }
  read -r ok bad skipped other < <(add_up "$output")
  # A guest that died or was out of time ended a program, which is counted, or none.
  [ $status = 0 ] || [ "$other" -gt 0 ] || [ "$bad" -gt 0 ] || other=1
  [ $((bad + other)) = 0 ] || { grep -vE '^\s*$|^ +at (Xunit|System|Microsoft|InvokeStub)' "$output" | tail -n 150; }
  passed=$((passed + ok)) failed=$((failed + bad + other))
  echo "== kernel $version: $ok passed, $((bad + other)) failed, $skipped skipped in $seconds s ($output)"
  printf '| %s | %s | %s | %s | %s | %s |\n' "$version" "$(sed -n 's/^== release //p' "$output")" "$ok" "$((bad + other))" "$skipped" "$seconds" >>"$table"
  if [ -n "$document" ]; then
    what=all
    [ -z "$selection" ] || what=$(basename "$selection")
    row="$(tail -1 "$table") $(date -u +%F), $what |"
    # In place of the version's own row, or behind the others.
    VERSION=$version ROW=$row awk '
      $0 ~ "^\\| " ENVIRON["VERSION"] " \\|" { print ENVIRON["ROW"]; done = 1; next }
      /^<!-- end of the results -->$/ && !done { print ENVIRON["ROW"] }
      { print }' docs/kernels.md >docs/kernels.md.new && mv docs/kernels.md.new docs/kernels.md
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
