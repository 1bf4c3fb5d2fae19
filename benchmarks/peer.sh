#!/bin/bash
# Puts a bpftrace that knows len(ustack) beside this machine, to compare with: Debian trixie in a folder, entered with chroot. Needs root; may be
# run again at any time, and is to be run again after a reboot, for the mounts.
#   STACKDEPTH_PEER=FOLDER ./benchmarks/peer.sh      (default: ~/.cache/stackdepth-peer); prints the folder on its last line
set -euo pipefail
root=${STACKDEPTH_PEER:-${XDG_CACHE_HOME:-$HOME/.cache}/stackdepth-peer}

# The packages are complete when the last one works: an interrupted debootstrap starts again.
if ! [ -x "$root/usr/bin/bpftrace" ] || ! [ -x "$root/usr/bin/gcc" ] || ! [ -f "$root/usr/include/bpf/libbpf.h" ]; then
  if ! command -v debootstrap >/dev/null; then
    apt-get update -q
    apt-get install -y -q debootstrap
  fi
  mkdir -p "$root"
  debootstrap --variant=minbase --include=bpftrace,libbpf-dev,gcc,libc6-dev trixie "$root"
fi >&2

mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
for directory in proc sys dev; do
  mountpoint -q "$root/$directory" || mount --rbind --make-rslave "/$directory" "$root/$directory"
done
# Where /sys was bound before tracefs was there.
mountpoint -q "$root/sys/kernel/tracing" || mount -t tracefs tracefs "$root/sys/kernel/tracing"
chroot "$root" bpftrace --version >&2
echo "$root"
