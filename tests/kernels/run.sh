#!/usr/bin/env bash
# Runs a command under another kernel: Debian's cloud kernel of a version, in qemu without KVM. The guest sees this machine's files at the
# same paths, read-only (virtiofs), with a fresh /tmp, /var/tmp and /run, and starts in the working directory. Standard output and error come
# out here, and so does the exit status. What is in STACKDEPTH_* and DOTNET_* is passed on; STACKDEPTH_GUEST tells the command which kernel it is in.
# Usage: run.sh [OPTION...] VERSION -- COMMAND [ARGUMENT...]
#   -t SECONDS  after which the guest is ended (default 600)
#   -m MIB      its memory (default 3072)
#   -c CPUS     its CPUs (default 2)
#   -l FILE     where its console is kept (default artifacts/kernels/VERSION.log)
#   -a ARCH     x86_64 or aarch64 (default: the machine's own); another architecture takes a root file system of its own
#   -r FOLDER   the guest's root file system (default /)
#   -s SUITE    a suite of Debian that has the kernel (fetch.sh)
# Exit status: the command's; 124 out of time; 125 the guest died before the command ended, and its console is printed.
# Needs root, for virtiofsd. The variable STACKDEPTH_KERNEL_OPTIONS is added to the kernel's command line; STACKDEPTH_KVM=1 uses KVM, which is not done
# unasked: a machine that is itself a guest can have a /dev/kvm that takes a guest and hangs it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"

limit=600 memory=3072 cpus=2 log= arch=$(uname -m) root=/ suite=()
while getopts t:m:c:l:a:r:s: option; do
  case $option in
    t) limit=$OPTARG ;; m) memory=$OPTARG ;; c) cpus=$OPTARG ;; l) log=$OPTARG ;; a) arch=$OPTARG ;;
    r) root=$(realpath "$OPTARG") ;; s) suite=(-s "$OPTARG") ;; *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -ge 3 ] && [ "$2" = -- ] || die "Give a version and a command: run.sh 6.12 -- uname -r"
version=$1
shift 2
[ "$(id -u)" = 0 ] || die "The virtiofs daemon needs root."

"$here/install.sh" "$arch"
kernel=$("$here/fetch.sh" -a "$arch" "${suite[@]}" "$version")
release=$(ls "$kernel/lib/modules")
# Among its modules since Debian 13's later kernels.
image=$kernel/lib/modules/$release/vmlinuz
[ -f "$image" ] || image=$kernel/boot/vmlinuz-$release
[ -f "$image" ] || die "$kernel has no kernel in it."
log=${log:-$here/../../artifacts/kernels/$version-$arch.log}
mkdir -p "$(dirname "$log")"
: >"$log"

case $arch in
  # Without SMAP: the emulated processor takes the stack of an iretq of the user's, which .NET has, for the kernel's access to it, and the guest dies ("supervisor read access in user mode").
  x86_64) machine=(qemu-system-x86_64 -machine q35 -cpu max,arch-capabilities=off,smap=off) console=ttyS0 busybox=/bin/busybox ;;
  # The emulated pointer authentication costs more than all else (qemu's docs/system/arm/cpu-features.rst).
  aarch64) machine=(qemu-system-aarch64 -machine virt -cpu max,pauth-impdef=on) console=ttyAMA0 busybox=${root%/}/bin/busybox ;;
esac
# One thread for all CPUs: with one for each, a CPU can run into the breakpoint of a kernel text change that another has finished (int3 in static keys), and the guest dies.
accelerator=tcg,thread=single
[ "${STACKDEPTH_KVM-}" != 1 ] || accelerator=kvm

temporary=$(mktemp -d)
daemon=
end() {
  [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
  rm -rf "$temporary"
}
trap end EXIT

# The initial RAM disk: busybox, the modules between the kernel and the host's files, and what to do.
disk=$temporary/disk
mkdir -p "$disk"/{bin,modules,host,work,dev,proc,sys}
cp -L "$busybox" "$disk/bin/busybox"
install -m 755 "$here/guest-init.sh" "$disk/init"
number=100
for module in virtio_pci virtio_console virtiofs; do
  while read -r verb file _; do
    [ "$verb" = insmod ] || continue # builtin
    name=$(basename "$file")
    name=${name%%.ko*}
    [ -z "$(find "$disk/modules" -name "*-$name.ko")" ] || continue
    case $file in *.xz) xz -dc "$file" ;; *.zst) zstd -dc "$file" ;; *) cat "$file" ;; esac >"$disk/modules/$((number++))-$name.ko"
  done < <(modprobe -d "$kernel" -S "$release" --show-depends "$module")
done
echo "$PWD" >"$disk/directory"
echo "$root" >"$disk/root"
echo "$HOME" >"$disk/home"
printf '%q ' "$@" >"$disk/command"
{
  compgen -e | grep -E '^(STACKDEPTH_|DOTNET_|PYENV_ROOT$|PATH$)' | while read -r name; do printf 'export %s=%q\n' "$name" "${!name}"; done
  printf 'export STACKDEPTH_GUEST=%q HOME=/tmp/home TERM=dumb\n' "$version"
} >"$disk/environment"
(cd "$disk" && find . | cpio -o -H newc --quiet) >"$temporary/disk.cpio"

files=$(virtiofsd_path)
# The daemon keeps a file open for each that the guest remembers.
ulimit -n 500000 2>/dev/null || ulimit -n "$(ulimit -Hn)"
if [[ $files == */qemu/* ]]; then
  "$files" --rlimit-nofile=0 --socket-path="$temporary/files" -o source=/,sandbox=chroot,cache=always,log_level=err -f >>"$log" 2>&1 &
else
  "$files" --socket-path="$temporary/files" --shared-dir=/ --sandbox=chroot --cache=always --log-level=error >>"$log" 2>&1 &
fi
daemon=$!
until [ -S "$temporary/files" ]; do
  kill -0 "$daemon" 2>/dev/null || { cat "$log" >&2; die "The virtiofs daemon ended."; }
  sleep 0.05
done

port() { echo "-chardev file,id=$1,path=$2,append=on -device virtserialport,chardev=$1,name=$1"; }
status=0
# Through cat: qemu opens the files anew, and a redirected file of the caller's would be written from two places.
{ timeout -k 10 "$limit" "${machine[@]}" -accel "$accelerator" -smp "$cpus" -m "$memory" \
  -object "memory-backend-memfd,id=memory,size=${memory}M,share=on" -numa node,memdev=memory \
  -nodefaults -display none -no-reboot -kernel "$image" -initrd "$temporary/disk.cpio" \
  -append "console=$console panic=-1 oops=panic loglevel=4 nowatchdog mitigations=off random.trust_cpu=on ${STACKDEPTH_KERNEL_OPTIONS-}" \
  -chardev "file,id=console,path=$log,append=on" -serial chardev:console -device virtio-serial-pci \
  $(port out /dev/fd/3) $(port err /dev/fd/4) $(port status "$temporary/status") \
  -chardev "socket,id=files,path=$temporary/files" -device vhost-user-fs-pci,chardev=files,tag=host \
  </dev/null 3> >(exec cat) 4> >(exec cat >&2); } || status=$?
wait "$!" 2>/dev/null || true

if [ -s "$temporary/status" ]; then
  exit "$(cat "$temporary/status")"
fi
echo "run.sh: the guest ($release) $([ $status = 124 ] || [ $status = 137 ] && echo "was out of time ($limit s)" || echo died). The end of its console ($log):" >&2
tail -n 100 "$log" >&2
[ $status = 124 ] || [ $status = 137 ] && exit 124
exit 125
