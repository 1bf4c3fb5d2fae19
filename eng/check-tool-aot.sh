#!/usr/bin/env bash
# Publishes the tool as one executable, as docs/tool.md says, and lets it run a command under a probe.
set -euo pipefail
cd "$(dirname "$0")/.."
eng/install-aot-deps.sh
out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
case "$(uname -m)" in aarch64) rid=linux-arm64 ;; *) rid=linux-x64 ;; esac
dotnet publish src/StackDepth.Tool -r "$rid" -p:PublishAot=true -o "$out" -v q -nologo
"$out/stackdepth" run uprobe:libc.so.6:exit --format json -- /bin/true | tee "$out/result"
grep -q '"exitCode":0' "$out/result"
