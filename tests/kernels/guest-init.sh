#!/bin/busybox sh
# The first process of a guest: finds the host's files, makes what has to be writable, runs the command in them, and hands its exit status out.
# run.sh puts this into the initial RAM disk, and beside it: /modules, /command, /environment, /directory, /root, /home.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in /modules/*.ko; do
  [ ! -f "$module" ] || insmod "$module"
done
for port in /sys/class/virtio-ports/*; do
  ln -s "/dev/${port##*/}" "/port-$(cat "$port/name")"
done
mount -t virtiofs -o ro host /host || echo "guest: the host's files are not there"

# The working directory, kept at hand before a fresh /tmp hides it.
read -r directory </directory
read -r root </root
mount --bind "/host$directory" /work
new=/host${root%/}
for folder in tmp run var/tmp; do mount -t tmpfs tmpfs "$new/$folder"; done
chmod 1777 "$new/tmp" "$new/var/tmp"
mkdir -p "$new/tmp/home" "$new$directory" 2>/dev/null
mount --bind /work "$new$directory"
# The Pythons that the host's user has installed are found where a home has them.
read -r home </home
[ ! -d "$new$home/.pyenv" ] || ln -s "$home/.pyenv" "$new/tmp/home/.pyenv"

mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
ln -s /proc/self/fd /dev/fd
ip link set lo up
for folder in dev proc sys; do mount -o rbind "/$folder" "$new/$folder"; done

{ cat /environment; printf 'cd %s || exit 125\n' "'$directory'"; cat /command; } >"$new/run/command"
chroot "$new" /bin/bash /run/command </dev/null >/port-out 2>/port-err
echo $? >/port-status
sync
reboot -f
