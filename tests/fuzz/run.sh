#!/usr/bin/env bash
# Fuzzes the parsers of what others can have made (files, maps, rings, caches, probe syntax), guided by coverage: SharpFuzz instruments a copy of the libraries. docs/testing.md has the last long run.
# Usage: run.sh [-k] [SECONDS [PARSER...]]
#   SECONDS  for each parser (default 1200)
#   -k       keeps the corpus: the inputs that take a branch which shorter ones do not
# Findings (exceptions that are none of the parser's own, more than a second, more than 64 MiB) are kept in artifacts/fuzz. Exit status: 1 if there are any.
set -euo pipefail
cd "$(dirname "$0")/../.."

keep=()
[ "${1-}" != -k ] || { keep=(keep); shift; }
seconds=${1:-1200}
[ $# = 0 ] || shift
dotnet build tests/StackDepth.Fuzz -c Release -v q --nologo >&2
folder=artifacts/fuzz/bin
rm -rf "$folder"
mkdir -p "$folder"
cp -r tests/StackDepth.Fuzz/bin/Release/net10.0/. "$folder"
dotnet tests/StackDepth.Fuzz/bin/Release/net10.0/StackDepth.Fuzz.dll instrument "$folder" >&2
dotnet "$folder/StackDepth.Fuzz.dll" check artifacts/fuzz/findings 2>/dev/null
dotnet "$folder/StackDepth.Fuzz.dll" run "$seconds" tests/fuzz/corpus artifacts/fuzz/findings "$RANDOM" "${keep[@]}" "$@"
