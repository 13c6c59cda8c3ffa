//! Whether firmware could boot from a disk.

use super::DiskError;
use std::{fs::File, os::unix::fs::FileExt, path::Path};

/// EFI system partition, and the BIOS boot partition of GRUB.
const BOOT_TYPES: [(uuid::Uuid, &str); 2] = [
    (uuid::Uuid::from_u128(0xc12a_7328_f81f_11d2_ba4b_00a0_c93e_c93b), "an EFI system partition"),
    (uuid::Uuid::from_u128(0x2168_6148_6449_6e6f_744e_6565_6445_4649), "a BIOS boot partition"),
];
/// UEFI 2.10 table 5.8: bit 2, legacy BIOS bootable.
const LEGACY_BOOTABLE: u64 = 1 << 2;

/// What firmware could boot on that disk; none when there is nothing.
///
/// # Errors
/// When the disk cannot be read.
pub fn reason(disk: &Path) -> Result<Option<String>, DiskError> {
    let mut file = File::open(disk).map_err(DiskError::io("open", disk))?;
    let mut sector = [0; 512];
    if file.read_exact_at(&mut sector, 0).is_err() {
        // Smaller than a sector.
        return Ok(None);
    }
    if let Ok(table) = gptman::GPT::find_from(&mut file) {
        for (number, entry) in table.iter().filter(|(_, entry)| entry.is_used()) {
            let known = BOOT_TYPES.iter().find(|(id, _)| id.to_bytes_le() == entry.partition_type_guid);
            if let Some((_, what)) = known {
                return Ok(Some(format!("partition {number} is {what}")));
            }
            if entry.attribute_bits & LEGACY_BOOTABLE != 0 {
                return Ok(Some(format!("partition {number} is marked as bootable")));
            }
        }
    }
    Ok(mbr_reason(&sector))
}

/// A boot sector as BIOS knows it: the signature, and code or an active partition.
fn mbr_reason(sector: &[u8; 512]) -> Option<String> {
    if sector[510..] != [0x55, 0xaa] {
        return None;
    }
    if sector[..440].iter().any(|byte| *byte != 0) {
        return Some("its first sector has boot code".into());
    }
    let active = (0..4).find(|entry| sector[446 + 16 * entry] == 0x80);
    active.map(|entry| format!("partition {} is active", entry + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn reason_after(script: &str) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk");
        File::create(&disk).unwrap().set_len(16 << 20).unwrap();
        assert!(Command::new("sh").args(["-c", script]).arg(&disk).status().unwrap().success());
        reason(&disk).unwrap()
    }

    #[test]
    fn what_firmware_could_boot_is_named() {
        let boot_code = "printf '\\353\\143' | dd of=\"$0\" conv=notrunc 2>/dev/null; \
             printf '\\125\\252' | dd of=\"$0\" bs=1 seek=510 conv=notrunc 2>/dev/null";
        for (script, part) in [
            ("true", None),
            ("sgdisk -n 1:0:0 -t 1:8300 \"$0\" >/dev/null", None),
            ("sgdisk -n 1:0:0 -t 1:ef00 \"$0\" >/dev/null", Some("EFI system")),
            ("sgdisk -n 1:0:0 -t 1:ef02 \"$0\" >/dev/null", Some("BIOS boot")),
            ("sgdisk -n 1:0:0 -t 1:8300 -A 1:set:2 \"$0\" >/dev/null", Some("marked")),
            (boot_code, Some("boot code")),
        ] {
            let told = reason_after(script);
            match part {
                None => assert_eq!(told, None, "{script}"),
                Some(part) => assert!(told.as_ref().is_some_and(|told| told.contains(part)), "{script}: {told:?}"),
            }
        }
    }
}
