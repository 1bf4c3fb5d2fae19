#!/usr/bin/env bash
# Packs the library and the tool into the repository's local feed. Arguments go to `dotnet pack`.
set -euo pipefail
cd "$(dirname "$0")/.."
dotnet pack src/StackDepth.Core/StackDepth.Core.csproj -c Release -o feed -v q -nologo "$@"
dotnet pack src/StackDepth.Tool/StackDepth.Tool.csproj -c Release -o feed -v q -nologo "$@"
