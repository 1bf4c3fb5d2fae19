#!/usr/bin/env bash
# Packs the library and the tool into the repository's local feed. Arguments go to `dotnet pack`.
set -euo pipefail
cd "$(dirname "$0")/.."
eng/install-aot-deps.sh
case "$(uname -m)" in aarch64) rid=linux-arm64 ;; *) rid=linux-x64 ;; esac
dotnet pack src/StackDepth.Core/StackDepth.Core.csproj -c Release -o feed -v q -nologo "$@"
dotnet pack src/StackDepth.Tool/StackDepth.Tool.csproj -c Release -o feed -v q -nologo "$@"
# Takes the place of this platform's package: one native executable, which starts several times faster (ADR 15). It can be made only on its own platform.
dotnet pack src/StackDepth.Tool/StackDepth.Tool.csproj -c Release -o feed -v q -nologo -r "$rid" -p:PublishAot=true "$@"
