# Shared by the scripts of this folder; sourced.

die() { echo "$(basename "$0"): $*" >&2; exit 2; }

virtiofsd_path() {
  local path
  for path in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do
    [ ! -x "$path" ] || { echo "$path"; return; }
  done
  command -v virtiofsd
}

apt_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "Install: $* (on Debian: apt-get install $*)."
  apt-get -o DPkg::Lock::Timeout=300 update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends "$@" >/dev/null
}

# Where kernels are kept from one run to the next.
kernel_cache() { echo "${STACKDEPTH_KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/stackdepth/kernels}"; }
