#!/usr/bin/env bash
# Installs what boots a guest, where it is missing: qemu, a virtiofs daemon, and the tools that make its initial RAM disk.
# Usage: install.sh [x86_64|aarch64]
set -euo pipefail
. "$(dirname "$0")/lib.sh"

arch=${1:-$(uname -m)} missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
case $arch in
  x86_64) need qemu-system-x86_64 qemu-system-x86 ;;
  aarch64) need qemu-system-aarch64 qemu-system-arm ;;
  *) die "No guests of $arch are known: x86_64 or aarch64." ;;
esac
need busybox busybox-static
need cpio cpio
need modprobe kmod
need xz xz-utils
need zstd zstd

if [ ${#missing[@]} -gt 0 ]; then
  apt_install "${missing[@]}"
fi
# Until Debian 12 the daemon comes with qemu; later it is a package of its own.
virtiofsd_path >/dev/null || apt_install virtiofsd
