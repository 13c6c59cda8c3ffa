//! What this machine is, for its agent: it must be the one that was configured.

use super::{boot_variables, ports, smbios::Smbios};
use billet_proto::link::{Disk, Inventory};
use std::{fs, io::Read, path::Path};

/// The most of the firmware's table that is read; those of large machines have some tens of KiB.
const MAX_SMBIOS: u64 = 1 << 20;

/// Reads the machine; what it does not tell is empty.
pub(super) fn read(disks: Vec<Disk>) -> Inventory {
    let dmi = |name: &str| text(&Path::new("/sys/class/dmi/id").join(name));
    let told = Smbios::parse(&head(Path::new("/sys/firmware/dmi/tables/DMI"), MAX_SMBIOS));
    let ports = ports::list(Path::new("/sys/class/net"));
    let mut macs: Vec<String> = ports.iter().map(|port| port.mac.clone()).collect();
    macs.sort();
    Inventory {
        uuid: dmi("product_uuid").to_lowercase(),
        serial: dmi("product_serial"),
        macs,
        disks,
        memory_bytes: memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default()),
        cpus: std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        firmware: if Path::new("/sys/firmware/efi").exists() { "uefi" } else { "bios" }.into(),
        manufacturer: told.manufacturer,
        model: told.model,
        board_serial: told.board_serial,
        board_model: told.board_model,
        board_manufacturer: told.board_manufacturer,
        board_version: told.board_version,
        firmware_vendor: told.firmware_vendor,
        firmware_version: told.firmware_version,
        processors: told.processors,
        memory_modules: told.memory_modules,
        ports,
        secure_boot: secure_boot(Path::new("/sys")),
        boot_variables: boot_variables::read(Path::new(boot_variables::FOLDER)),
    }
}

/// Whether the firmware checked what it started; where nothing tells, it did not.
fn secure_boot(sys: &Path) -> bool {
    // Four bytes of attributes, then the value (UEFI 2.10 §3.3; Linux, Documentation/filesystems/efivarfs.rst).
    let variable = sys.join("firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");
    if let Some(value) = head(&variable, 5).get(4) {
        return *value == 1;
    }
    // Where the kernel has no variables to tell: on x86 the kernel's EFI stub has left what it read in the boot
    // parameters (Linux, Documentation/arch/x86/zero-page.rst, 1ECh): efi_secureboot_mode_enabled.
    head(&sys.join("kernel/boot_params/data"), 0x1ED).get(0x1EC) == Some(&3)
}

/// At most the first `limit` bytes of a file; none of one that cannot be read.
fn head(path: &Path, limit: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    match fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)) {
        Ok(_) => bytes,
        Err(_) => Vec::new(),
    }
}

/// MemTotal of meminfo, in bytes.
fn memory(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// What a file of sysfs says, fit to be passed on; empty where it cannot be read.
pub(super) fn text(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().chars().filter(|c| !c.is_control()).take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_bytes() {
        assert_eq!(memory("MemTotal:        1000 kB\nMemFree: 1 kB\n"), 1_024_000);
        assert_eq!(memory(""), 0);
    }

    #[test]
    fn secure_boot_is_told_by_the_variable_or_else_by_the_boot_parameters() {
        let sys = tempfile::tempdir().unwrap();
        let put = |path: &str, content: &[u8]| {
            let path = sys.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        assert!(!secure_boot(sys.path()));
        let mut parameters = vec![0; 4096];
        for (mode, expected) in [(2, false), (3, true)] {
            parameters[0x1EC] = mode;
            put("kernel/boot_params/data", &parameters);
            assert_eq!(secure_boot(sys.path()), expected);
        }
        let variable = "firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
        for (value, expected) in [(0, false), (1, true)] {
            put(variable, &[6, 0, 0, 0, value]);
            assert_eq!(secure_boot(sys.path()), expected);
        }
    }
}
