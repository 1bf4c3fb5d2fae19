#!/usr/bin/env bash
# Publishes the AOT smoke program, in which a trim or AOT warning is an error, and lets it run a live probe.
set -euo pipefail
cd "$(dirname "$0")/.."
eng/install-aot-deps.sh
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
dotnet publish tests/StackDepth.AotSmoke/StackDepth.AotSmoke.csproj -c Release -o "$out" -v q -nologo
"$out/StackDepth.AotSmoke"
