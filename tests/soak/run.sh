#!/usr/bin/env bash
# Eight sessions of different kinds at once over 64 threads and a storm of forks and execs (docs/testing.md): every call has to be in each result or counted as lost, memory and open files may not grow.
# Usage: run.sh [SECONDS]     (default 1800)
# A soak of 30 minutes or more is put down in docs/testing.md. Exit status: 1 if something did not add up or grew. Needs root, or CAP_BPF and CAP_PERFMON, and gcc.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-1800}
dotnet build tests/StackDepth.Live.Tests -v q --nologo >&2
output=$(mktemp)
trap 'rm -f "$output"' EXIT
dotnet tests/StackDepth.Live.Tests/bin/Debug/net10.0/StackDepth.Live.Tests.dll soak "$seconds" | tee "$output"
if ((seconds >= 1800)); then
    line="$(date -u +%F), Linux $(uname -r), $seconds seconds: $(tail -1 "$output")."
    LINE=$line awk '/^<!-- the last run of tests\/soak\/run.sh -->$/ { print; getline; print ENVIRON["LINE"]; next } { print }' docs/testing.md >docs/testing.md.new
    mv docs/testing.md.new docs/testing.md
fi
