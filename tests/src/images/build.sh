#!/bin/bash
# Builds the laboratory's images in the folder $1: cloudinit.raw and plain.raw, Debian 12 for UEFI and BIOS, from one
# debootstrap. Needs root. Everything below is the recipe: a change of this file builds new images.
set -euo pipefail
cd "$1"
say() { echo "    image: $*"; }
quiet() { "$@" >>build.log 2>&1 || { echo "failed: $* (the end of build.log follows)"; tail -n 20 build.log; exit 1; }; }
mirror=${BILLET_LAB_MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -m1 -E '/debian/?$' || true)}
mirror=${mirror:-http://deb.debian.org/debian}

say "Debian's base system by debootstrap (about two minutes)"
packages=systemd-sysv,udev,openssh-server,iproute2,linux-image-cloud-amd64,ca-certificates
for attempt in 1 2 3; do
  rm -rf root
  if debootstrap --variant=minbase --include=$packages bookworm root "$mirror" >>build.log 2>&1; then break; fi
  [ $attempt = 3 ] && { echo "failed: debootstrap, three times"; tail -n 20 build.log; exit 1; }
  sleep 5
done
cat > root/etc/dpkg/dpkg.cfg.d/small <<'X'
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
X
rm -rf root/usr/share/{doc,man,locale,info}/* root/var/cache/apt/archives/*.deb root/var/lib/apt/lists/*
rm -f root/etc/ssh/ssh_host_* root/etc/resolv.conf root/etc/hostname
: > root/etc/machine-id
chroot root passwd -l root >/dev/null
# What only costs time here.
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer man-db.timer \
  dpkg-db-backup.timer systemd-pstore.service; do ln -sf /dev/null root/etc/systemd/system/$unit; done

say "cloud-init for the other flavour"
cp -a root root-cloudinit
cp /etc/resolv.conf root-cloudinit/etc/resolv.conf
# The host's own way to the mirror (proxies, for one).
cp /etc/apt/apt.conf.d/*proxy* root-cloudinit/etc/apt/apt.conf.d/ 2>/dev/null || true
quiet chroot root-cloudinit apt-get update -q
quiet env DEBIAN_FRONTEND=noninteractive chroot root-cloudinit apt-get install -q -y --no-install-recommends \
  cloud-init cloud-guest-utils fdisk
rm -rf root-cloudinit/usr/share/{doc,man,locale}/* root-cloudinit/var/cache/apt/archives/*.deb \
  root-cloudinit/var/lib/apt/lists/* root-cloudinit/etc/apt/apt.conf.d/*proxy*
rm -f root-cloudinit/etc/resolv.conf root-cloudinit/etc/ssh/ssh_host_*
: > root-cloudinit/etc/machine-id
chroot root-cloudinit systemctl enable systemd-networkd >>build.log 2>&1
# Under emulation waiting for the network is the longest step of a boot; nothing here needs it.
ln -sf /dev/null root-cloudinit/etc/systemd/system/systemd-networkd-wait-online.service

image() { # NAME TREE MIB
  local name=$1 tree=$2 mib=$3 uuid offset size esp=$((4096 * 512))
  say "$name: partitions, file systems, boot loaders"
  uuid=$(cat /proc/sys/kernel/random/uuid)
  printf 'UUID=%s / ext4 defaults,x-systemd.growfs 0 1\n' "$uuid" > "$tree/etc/fstab"
  local version; version=$(ls "$tree/lib/modules" | head -n 1)
  mkdir -p "$tree/boot/grub"
  cat > "$tree/boot/grub/grub.cfg" <<X
set timeout=0
linux /boot/vmlinuz-$version root=UUID=$uuid ro console=ttyS0,115200 quiet
initrd /boot/initrd.img-$version
boot
X
  printf 'search --no-floppy --fs-uuid --set=root %s\nconfigfile ($root)/boot/grub/grub.cfg\n' "$uuid" > early.cfg
  rm -f "$name.new"; truncate -s "${mib}M" "$name.new"
  quiet sgdisk -n 1:2048:4095 -t 1:ef02 -n 2:4096:+32M -t 2:ef00 -n 3:0:0 -t 3:8300 "$name.new"
  offset=$(sgdisk -i 3 "$name.new" | awk '/First sector/ {print $3}')
  size=$(sgdisk -i 3 "$name.new" | awk '/Partition size/ {print $3}')
  quiet mke2fs -q -F -t ext4 -U "$uuid" -O ^metadata_csum_seed,^orphan_file -m 0 -d "$tree" \
    -E offset=$((offset * 512)) "$name.new" $((size / 2))k
  # UEFI: one file, with its modules and the search for the root inside.
  quiet grub-mkstandalone -O x86_64-efi -o grub.efi --locales= --fonts= --themes= \
    --modules="part_gpt ext2 search search_fs_uuid configfile linux normal" boot/grub/grub.cfg=early.cfg
  rm -f esp.img; truncate -s 32M esp.img
  quiet mkfs.vfat esp.img
  quiet mmd -i esp.img ::/EFI ::/EFI/BOOT
  quiet mcopy -i esp.img grub.efi ::/EFI/BOOT/BOOTX64.EFI
  dd if=esp.img of="$name.new" bs=1M oflag=seek_bytes seek=$esp conv=notrunc status=none
  # BIOS: GRUB's core image in its own partition, and the boot sector that loads it, as grub-bios-setup would do.
  quiet grub-mkimage -O i386-pc -p /boot/grub -c early.cfg -o core.img \
    biosdisk part_gpt ext2 search search_fs_uuid configfile linux normal
  python3 - "$name.new" <<'X'
import struct, sys
boot = bytearray(open("/usr/lib/grub/i386-pc/boot.img", "rb").read()[:512])
core = bytearray(open("core.img", "rb").read())
core += bytes(-len(core) % 512)
assert len(core) <= 2048 * 512, "core.img does not fit its partition"
with open(sys.argv[1], "r+b") as image:
    old = image.read(512)
    boot[0x1b8:0x200] = old[0x1b8:0x200]        # disk signature and partition table stay
    boot[0x66:0x68] = b"\x90\x90"               # trust the drive number that the BIOS gives
    struct.pack_into("<Q", boot, 0x5c, 2048)    # where core.img begins
    struct.pack_into("<QHH", core, 0x1f4, 2049, len(core) // 512 - 1, 0x820)
    image.seek(0); image.write(boot)
    image.seek(2048 * 512); image.write(core)
X
  sync "$name.new"
  mv "$name.new" "$name.raw"
}
image plain root 1000
image cloudinit root-cloudinit 1400
rm -rf root root-cloudinit early.cfg grub.efi esp.img core.img
