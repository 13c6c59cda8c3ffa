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

/// MBR partition types that UEFI reads as FAT: the EFI system partition, and the FATs (UEFI 2.10 §5.2.2, §13.3).
const FAT_TYPES: [u8; 7] = [0xef, 0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e];
/// More entries than any tool makes: a table that says so is broken.
pub(super) const MAX_ENTRIES: u32 = 4096;
pub(super) const ENTRY_BYTES: u32 = 128;

/// What firmware could boot on that disk; none when there is nothing. A table that is broken is a reason too: what
/// firmware makes of it nobody knows.
///
/// # Errors
/// When the disk cannot be read.
pub fn reason(disk: &Path) -> Result<Option<String>, DiskError> {
    let file = File::open(disk).map_err(DiskError::io("open", disk))?;
    let Some(first) = read(&file, disk, 0, 512)? else { return Ok(None) };
    // With sectors of 512 and of 4096 bytes.
    for sector in [512, 4096] {
        let header = read(&file, disk, sector, 512)?;
        if let Some(header) = header.filter(|header| header.starts_with(b"EFI PART"))
            && let Some(reason) = gpt_reason(&file, disk, &header, sector)?
        {
            return Ok(Some(reason));
        }
    }
    Ok(mbr_reason(&first))
}

/// So many bytes from there; none when the disk ends before.
fn read(file: &File, disk: &Path, at: u64, length: usize) -> Result<Option<Vec<u8>>, DiskError> {
    let mut bytes = vec![0; length];
    match file.read_exact_at(&mut bytes, at) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(DiskError::io("read", disk)(error)),
    }
}

/// The entries of a GPT (UEFI 2.10 §5.3.2, §5.3.3), whether its checksums hold or not: firmware may be lenient.
fn gpt_reason(file: &File, disk: &Path, header: &[u8], sector: u64) -> Result<Option<String>, DiskError> {
    let number = |at: usize, bytes: usize| {
        header[at..at + bytes].iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    let (at, count, size) = (number(72, 8).checked_mul(sector), number(80, 4), number(84, 4));
    let broken = || Ok(Some("its partition table is broken".to_owned()));
    let (Some(at), true, true) = (at, count <= u64::from(MAX_ENTRIES), size == u64::from(ENTRY_BYTES)) else {
        return broken();
    };
    let length = usize::try_from(count * size).unwrap_or(usize::MAX);
    if i64::try_from(at.saturating_add(count * size)).is_err() {
        return broken();
    }
    let Some(entries) = read(file, disk, at, length)? else { return broken() };
    for (index, entry) in entries.chunks_exact(ENTRY_BYTES as usize).enumerate() {
        let known = BOOT_TYPES.iter().find(|(id, _)| entry[..16] == id.to_bytes_le());
        if let Some((_, what)) = known {
            return Ok(Some(format!("partition {} is {what}", index + 1)));
        }
        let used = entry[..16].iter().any(|byte| *byte != 0);
        if used && u64::from(entry[48]) & LEGACY_BOOTABLE != 0 {
            return Ok(Some(format!("partition {} is marked as bootable", index + 1)));
        }
    }
    Ok(None)
}

/// A boot sector as BIOS knows it: the signature, and code or an active partition. And a partition that UEFI reads.
fn mbr_reason(sector: &[u8]) -> Option<String> {
    if sector[510..] != [0x55, 0xaa] {
        return None;
    }
    if sector[..440].iter().any(|byte| *byte != 0) {
        return Some("its first sector has boot code".into());
    }
    let active = (0..4).find(|entry| sector[446 + 16 * entry] == 0x80);
    let fat = (0..4).find(|entry| FAT_TYPES.contains(&sector[450 + 16 * entry]));
    let active = active.map(|entry| format!("partition {} is active", entry + 1));
    active.or_else(|| fat.map(|entry| format!("partition {} is FAT, which UEFI looks into", entry + 1)))
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
        let esp_in_mbr = "printf '\\357' | dd of=\"$0\" bs=1 seek=450 conv=notrunc 2>/dev/null; \
             printf '\\125\\252' | dd of=\"$0\" bs=1 seek=510 conv=notrunc 2>/dev/null";
        let too_many = "sgdisk -n 1:0:0 -t 1:8300 \"$0\" >/dev/null; \
             printf '\\377\\377\\377\\377' | dd of=\"$0\" bs=1 seek=592 conv=notrunc 2>/dev/null";
        for (script, part) in [
            ("true", None),
            ("sgdisk -n 1:0:0 -t 1:8300 \"$0\" >/dev/null", None),
            ("sgdisk -n 1:0:0 -t 1:ef00 \"$0\" >/dev/null", Some("EFI system")),
            ("sgdisk -n 1:0:0 -t 1:ef02 \"$0\" >/dev/null", Some("BIOS boot")),
            ("sgdisk -n 1:0:0 -t 1:8300 -A 1:set:2 \"$0\" >/dev/null", Some("marked")),
            (boot_code, Some("boot code")),
            (esp_in_mbr, Some("FAT")),
            (too_many, Some("broken")),
        ] {
            let told = reason_after(script);
            match part {
                None => assert_eq!(told, None, "{script}"),
                Some(part) => assert!(told.as_ref().is_some_and(|told| told.contains(part)), "{script}: {told:?}"),
            }
        }
    }
}
