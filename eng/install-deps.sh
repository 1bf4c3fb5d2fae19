#!/usr/bin/env bash
# Installs the Debian packages that the tests need and that are not there: compilers for the targets, and tools that tell the truth about them.
set -euo pipefail

missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need gcc gcc
need readelf binutils
need gdb gdb
need python3 python3
need python3-config python3-dev
# Targets of the walk tests.
need g++ g++
need rustc rustc
need lua5.4 lua5.4
need node nodejs
[ -x /usr/bin/python3 ] || missing+=(python3)
need setpriv util-linux
[ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
[ -e /usr/include/linux/bpf.h ] || missing+=(linux-libc-dev)
# Targets with USDT probes.
find /usr/include -path '*/sys/sdt.h' | grep -q . || missing+=(systemtap-sdt-dev)

[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests need: ${missing[*]}. Install them (on Debian: apt-get install ${missing[*]})." >&2
  exit 1
fi
apt-get update -q >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
