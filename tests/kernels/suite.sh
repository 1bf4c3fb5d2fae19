#!/usr/bin/env bash
# Builds the tests here, runs them in a guest per kernel, one boot each, and adds up. The last line is "N passed, N failed".
# Usage: suite.sh [OPTION...] [VERSION...] [-- ARGUMENT OF THE TEST PROGRAMS...]
#   VERSION  kernels (default: 6.1 6.12)
#   -p NAME  a test project, once for each (default: all that run tests)
#   -t SEC   after which a test program is ended, and one hung does not cost the others theirs (default 1800)
#   -f FILE  only the classes that the file names, a project and a class on each line: tests/kernels/gate is what .ci/run takes
#   -n       does not build
#   -s SUITE a suite of Debian that has the kernels, where the system's sources do not: bullseye for 5.10, trixie-backports for newest
# Everything after -- goes to the test programs: suite.sh 6.12 -- --filter-class '*Kprobe*'
# A skip of what a kernel of that age should have is a failure (STACKDEPTH_REQUIRE=1, tests/Support/Requires.cs).
# Keeps artifacts/kernels/VERSION.tests (the output), VERSION-ARCH.log (the console) and results.md (a table).
set -uo pipefail
cd "$(dirname "$0")/../.."

limit=1800 build=1 selection= projects=() versions=() suite=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  case $1 in
    -p) projects+=("$2"); shift ;;
    -t) limit=$2; shift ;;
    -f) selection=$2; shift ;;
    -n) build= ;;
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
for version in "${versions[@]}"; do
  echo "== kernel $version"
  output=artifacts/kernels/$version.tests start=$SECONDS status=0
  tests/kernels/run.sh -t $((limit * ${#projects[@]} + 60)) "${suite[@]}" "$version" -- bash -c 'echo "== release $(uname -r)"; exec tests/kernels/guest-tests.sh "$@"' guest \
    $limit "$selection" "${projects[@]}" -- "$@" >"$output" 2>&1 || status=$?
  read -r ok bad skipped other < <(add_up "$output")
  # A guest that died or was out of time ended a program, which is counted, or none.
  [ $status = 0 ] || [ "$other" -gt 0 ] || [ "$bad" -gt 0 ] || other=1
  [ $((bad + other)) = 0 ] || { grep -vE '^\s*$|^ +at (Xunit|System|Microsoft|InvokeStub)' "$output" | tail -n 150; }
  passed=$((passed + ok)) failed=$((failed + bad + other))
  echo "== kernel $version: $ok passed, $((bad + other)) failed, $skipped skipped in $((SECONDS - start)) s ($output)"
  printf '| %s | %s | %s | %s | %s | %s |\n' "$version" "$(sed -n 's/^== release //p' "$output")" "$ok" "$((bad + other))" "$skipped" "$((SECONDS - start))" >>"$table"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
