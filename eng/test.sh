#!/usr/bin/env bash
# Runs all tests. As root (or with CAP_BPF and CAP_PERFMON) they probe the running kernel; without, those tests are skipped and say why.
# STACKDEPTH_REQUIRE=1 turns such a skip into a failure. Further arguments go to `dotnet test`.
set -euo pipefail
cd "$(dirname "$0")/.."
eng/install-deps.sh
exec dotnet test --solution StackDepth.sln "$@"
