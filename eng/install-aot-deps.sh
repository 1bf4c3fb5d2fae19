#!/usr/bin/env bash
# Installs what publishing with NativeAOT needs: a linker and zlib's headers.
set -euo pipefail
missing=()
command -v clang >/dev/null || command -v gcc >/dev/null || missing+=(gcc)
[ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
[ ${#missing[@]} -gt 0 ] || exit 0
apt-get update -q >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
