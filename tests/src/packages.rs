//! Debian packages that the laboratory needs.

/// Name and reason of each.
pub const PACKAGES: &[(&str, &str)] = &[
    ("qemu-system-x86", "the servers"),
    ("ovmf", "UEFI"),
    ("seabios", "BIOS"),
    ("ipxe-qemu", "BIOS's network boot"),
    ("ipxe", "the boot loaders that the agent serves"),
    ("openipmi", "ipmi_sim, the BMCs"),
    ("ipmitool", "an independent look at them"),
    ("iproute2", "namespaces, bridges, taps"),
    ("debootstrap", "Debian images"),
    ("mtools", "the images' EFI system partitions"),
    ("dosfstools", "the same"),
    ("gdisk", "the images' partition tables"),
    ("e2fsprogs", "the images' file systems"),
    ("grub-efi-amd64-bin", "the images' boot loader for UEFI"),
    ("grub-pc-bin", "the images' boot loader for BIOS"),
    ("grub-common", "the same"),
    ("python3-minimal", "the images' boot sector"),
    ("kmod", "depmod, for the ramdisk's modules"),
    ("openssh-client", "logins into instances"),
    ("sshpass", "logins with a password"),
    ("systemd", "systemd-socket-activate: the API's port is opened outside the controller's namespace"),
    ("zstd", "the independent peer of image frames"),
];
