#!/bin/bash
# Makes the disk of the machine that the units are started on, as root: image.sh FOLDER DEBIAN_ARCHIVE
# What is Debian's is in it, what is Gantry's comes on a second disk each time. Needs debootstrap and e2fsprogs.
set -euo pipefail
folder=$1 archive=$2
root=$folder/root

rm -rf "$root"
trap 'rm -rf "$root"' EXIT
packages=systemd,systemd-sysv,dbus,udev,linux-image-cloud-amd64,initramfs-tools,iproute2,netbase,ca-certificates,curl,procps,postgresql
debootstrap --variant=minbase --include="$packages" bookworm "$root" "$archive"

# debootstrap leaves this machine's own.
echo gantry > "$root/etc/hostname"
printf '127.0.0.1 localhost gantry\n::1 localhost\n' > "$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
echo '/dev/vdb /mnt ext4 ro 0 2' > "$root/etc/fstab"

# An address by DHCP, and the wait for it that network-online.target stands for.
printf '[Match]\nType=ether\n\n[Network]\nDHCP=ipv4\n' > "$root/etc/systemd/network/any.network"
cat > "$root/etc/systemd/system/guest.service" <<'UNIT'
[Unit]
Description=The test
After=multi-user.target network-online.target
Wants=network-online.target
RequiresMountsFor=/mnt
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
Type=oneshot
TimeoutStartSec=infinity
# The second serial port: the kernel and systemd write to the first.
StandardOutput=file:/dev/ttyS1
StandardError=inherit
ExecStart=/bin/bash /mnt/guest.sh

[Install]
WantedBy=graphical.target
UNIT
chroot "$root" systemctl enable systemd-networkd guest.service
# Nothing that wakes up by itself belongs to the test.
chroot "$root" systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer

rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,locale,man}/*
cp "$root"/boot/vmlinuz-* "$folder/vmlinuz"
cp "$root"/boot/initrd.img-* "$folder/initrd"
mke2fs -q -t ext4 -d "$root" -E root_owner=0:0 "$folder/disk.img" 3G
