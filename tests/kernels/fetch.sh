#!/usr/bin/env bash
# Gets Debian's cloud kernel of a version from apt, and prints the folder in which it is unpacked. Nothing is installed.
# Usage: fetch.sh [-r] [-a ARCH] [-s SUITE] VERSION
#   VERSION  a series such as 6.1 or 6.12, or "newest" of what the sources have
#   -a       x86_64 (default: the machine's own) or aarch64
#   -s       a suite of Debian instead of those that the system names, such as bullseye or bookworm-backports: read from the system's own
#            mirror into a package list of this cache's, so that the system's stays as it is
#   -r       gets it again, where it is there already
set -euo pipefail
. "$(dirname "$0")/lib.sh"

arch=$(uname -m) suite= again=
while getopts a:s:r option; do
  case $option in a) arch=$OPTARG ;; s) suite=$OPTARG ;; r) again=1 ;; *) exit 2 ;; esac
done
shift $((OPTIND - 1))
[ $# = 1 ] && [[ $1 =~ ^([0-9]+\.[0-9]+|newest)$ ]] || die "Give one version, such as 6.12 or newest."
version=$1
case $arch in x86_64) debian=amd64 ;; aarch64) debian=arm64 ;; *) die "No kernels for $arch are known." ;; esac

cache=$(kernel_cache)
folder=$cache/$version-$debian${suite:+-$suite}
if [ -e "$folder/complete" ] && [ -z "$again" ]; then
  echo "$folder"
  exit
fi

apt=()
if [ -n "$suite" ] || [ "$debian" != "$(dpkg --print-architecture)" ]; then
  # A list of packages of our own: another suite, or another architecture, is not made known to the system.
  lists=$cache/apt-$debian${suite:+-$suite}
  mkdir -p "$lists/state/lists/partial" "$lists/cache/archives/partial" "$lists/parts"
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -E '/debian/?$' | sort -u | head -1)
  code=$(. /etc/os-release && echo "$VERSION_CODENAME")
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror ${suite:-$code} main" >"$lists/sources.list"
  apt=(-o "Dir::State=$lists/state" -o "Dir::State::status=/dev/null" -o "Dir::Cache=$lists/cache" -o "Dir::Etc::sourcelist=$lists/sources.list"
       -o "Dir::Etc::sourceparts=$lists/parts" -o "APT::Architecture=$debian" -o "APT::Architectures::=$debian")
  apt-get "${apt[@]}" update -q >/dev/null
fi

candidates() {
  local series=${version//./\\.}
  [ "$version" != newest ] || series='[0-9]+\.[0-9]+'
  apt-cache "${apt[@]}" pkgnames linux-image- | grep -E "^linux-image-$series[.+-].*cloud-$debian\$" | sort -V
}
package=$(candidates | tail -1)
if [ -z "$package" ] && [ ${#apt[@]} = 0 ]; then
  apt-get -o DPkg::Lock::Timeout=300 update -q >/dev/null
  package=$(candidates | tail -1)
fi
[ -n "$package" ] || die "The apt sources have no linux-image-$version*-cloud-$debian: name a suite that has it (-s)."

# Later kernels come in parts; all of them carry the version in their names.
stem=${package#linux-image-}
parts=$(apt-cache "${apt[@]}" depends "$package" | sed -nE "s/^ *(Pre)?Depends: (linux-(binary|modules|base)-${stem//+/\\+})\$/\\2/p")
rm -rf "$folder"
mkdir -p "$folder/packages"
(cd "$folder/packages" && apt-get "${apt[@]}" -q download "$package" $parts) >&2
for deb in "$folder"/packages/*.deb; do dpkg-deb -x "$deb" "$folder"; done
rm -r "$folder/packages"
[ -d "$folder/lib/modules" ] || ln -s usr/lib "$folder/lib"
depmod -b "$folder" "$(ls "$folder/lib/modules")"
echo "$package" >"$folder/complete"
echo "$folder"
