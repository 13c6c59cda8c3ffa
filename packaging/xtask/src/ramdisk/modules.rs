//! The modules of the ramdisk, with what they depend on, in the order in which they can be loaded.

use std::{collections::HashMap, fs};

use anyhow::{Context, Result, bail};

use super::{cpio::Archive, kernel::Kernel};

/// Module and what needs it.
const WANTED: &[(&str, &str)] = &[
    ("virtio_pci", "every virtio device"),
    ("virtio_net", "QEMU's NICs"),
    ("virtio_blk", "QEMU's disks"),
    ("virtio_scsi", "QEMU's SCSI disks"),
    ("sd_mod", "SCSI disks"),
    ("nvme", "NVMe disks"),
    ("crc32c_generic", "ext4's checksums, on any processor"),
    ("ext4", "the installed system"),
    ("xfs", "the installed system"),
    ("efivarfs", "what firmware starts"),
];

/// A compressed archive with `/modules.order` and the modules.
pub fn archive(kernel: &Kernel) -> Result<Vec<u8>> {
    let read = |name: &str| {
        let path = kernel.modules.join(name);
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    };
    // The package has no modules.dep: depmod makes it where the package is installed. So it is made here.
    if !kernel.modules.join("modules.dep").exists() {
        let base = kernel.modules.join("../../..");
        let done = std::process::Command::new("/sbin/depmod").arg("-b").arg(&base).arg(&kernel.version).output();
        let done = done.context("run depmod (package kmod)")?;
        if !done.status.success() {
            bail!("depmod ended with {}: {}", done.status, String::from_utf8_lossy(&done.stderr).trim());
        }
    }
    let (dependencies, builtin) = (read("modules.dep")?, read("modules.builtin")?);
    let order = load_order(&dependencies, &builtin)?;
    let mut archive = Archive::new().dir("/modules", 0o755);
    let mut list = String::new();
    for path in order {
        let file = kernel.modules.join(&path);
        let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        let name = format!("/modules/{}", path.rsplit('/').next().unwrap_or(&path));
        archive = archive.file(&name, 0o644, &bytes);
        list.push_str(&name);
        list.push('\n');
    }
    super::compress(&archive.file("/modules.order", 0o644, list.as_bytes()).finish())
}

/// Paths in load order. modules.dep (kmod): `PATH: DEPENDENCY…`, the dependencies with the one to be loaded first last.
fn load_order(dependencies: &str, builtin: &str) -> Result<Vec<String>> {
    let lines: HashMap<String, (&str, Vec<&str>)> = dependencies
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(path, needs)| (name(path), (path, needs.split_whitespace().rev().collect())))
        .collect();
    let mut order: Vec<String> = Vec::new();
    for (wanted, reason) in WANTED {
        let Some((path, needs)) = lines.get(*wanted) else {
            if builtin.lines().any(|line| name(line) == *wanted) {
                continue;
            }
            bail!("the kernel has no module {wanted} ({reason})");
        };
        for path in needs.iter().chain([path]) {
            if !order.iter().any(|known| known == path) {
                order.push((*path).to_owned());
            }
        }
    }
    Ok(order)
}

/// A module's name: its file's, with `_` for `-` as the kernel has it.
fn name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(".ko").next().unwrap_or(file).replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_come_first_and_once() {
        let each = |name: &str, needs: &str| format!("kernel/{name}.ko:{needs}\n");
        let text: String = [
            each("virtio_pci", " kernel/virtio.ko kernel/ring.ko"),
            each("virtio-net", " kernel/virtio.ko kernel/ring.ko"),
            each("virtio_blk", ""),
            each("virtio_scsi", ""),
            each("sd_mod", ""),
            each("crc32c_generic", ""),
            each("ext4", " kernel/jbd2.ko"),
            each("xfs", ""),
            each("efivarfs", ""),
        ]
        .concat();
        let order = load_order(&text, "kernel/nvme.ko\n").unwrap();
        let names: Vec<String> = order.iter().map(|path| name(path)).collect();
        let expected = [
            "ring",
            "virtio",
            "virtio_pci",
            "virtio_net",
            "virtio_blk",
            "virtio_scsi",
            "sd_mod",
            "crc32c_generic",
            "jbd2",
            "ext4",
            "xfs",
            "efivarfs",
        ];
        assert_eq!(names, expected);
        assert!(load_order(&text, "").unwrap_err().to_string().contains("nvme"));
    }
}
