#!/usr/bin/env bash
# Tries random queries over the whole language in the real kernel against what they mean (docs/testing.md): each is compiled, verified, attached, hit and compared.
# Usage: run.sh [COUNT [FIRST]]
#   COUNT  how many (default 20000)
#   FIRST  the number of the first; a query is drawn from its number, so "run.sh 1 NUMBER" tries one again (default: another one each time)
# A query that fails is printed as small as it still fails. A run of 20,000 and more that found nothing is put down in docs/testing.md. Exit status: 1 if any failed. Needs root, or CAP_BPF and CAP_PERFMON, and gcc.
set -euo pipefail
cd "$(dirname "$0")/../.."

count=${1:-20000} first=${2:-$(date +%s)00000}
dotnet build tests/StackDepth.Live.Tests -v q --nologo >&2
begin=$(date +%s)
output=$(mktemp)
trap 'rm -f "$output"' EXIT
dotnet tests/StackDepth.Live.Tests/bin/Debug/net10.0/StackDepth.Live.Tests.dll random "$count" "$first" | tee "$output"
if ((count >= 20000)); then
    line="$(date -u +%F), Linux $(uname -r), numbers $first to $((first + count - 1)): $(tail -1 "$output"); $(($(date +%s) - begin)) seconds."
    LINE=$line awk '/^<!-- the last run of tests\/random\/run.sh -->$/ { print; getline; print ENVIRON["LINE"]; next } { print }' docs/testing.md >docs/testing.md.new
    mv docs/testing.md.new docs/testing.md
fi
